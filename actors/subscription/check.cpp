#include "actors/subscription/check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "actors/subscription/subscription_actor.h"
#include "runtime/store/message.h"
#include "schema/store/subscription.capnp.h"

namespace troupe::subscription {

CheckedKind checked_kind() {
  return {kinds::subscription,
          "subscription",
          tables::subscriptions,
          {},
          [](WordSpan row) { return str(Stored<schema::SubscriptionRow>(row).get().getName()); },
          decode_whole<schema::SubscriptionMessage>};
}

void check(const CheckView& view) {
  const CheckedKind kind = checked_kind();
  Findings& findings = view.findings();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, findings);
    rows.each([&](std::uint64_t number, WordSpan row) {
      findings.guard("subscriptions row " + std::to_string(number), [&] {
        decode_whole<schema::SubscriptionRow>(row);
        const Subscription one = decode(row);
        const std::string where = "subscription/" + one.name;
        findings.expect(one.log.empty() == (one.name != log_name), where,
                        "only the log itself has a name for its positions, and it must");
        findings.expect(one.position.empty() || one.position.size() == view.shards().size(), where,
                        "its position is one of another number of shards");
      });
    });
  }
}

}  // namespace troupe::subscription
