#include "actors/auth/check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe::auth {

CheckedKind checked_kind() {
  return {kinds::client,
          "client",
          tables::clients,
          {},
          [](WordSpan row) { return str(Stored<schema::ClientRow>(row).get().getClientId()); },
          decode_whole<schema::ClientMessage>};
}

void check(const CheckView& view) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows(*shard, kind, view.findings()).each([&](std::uint64_t number, WordSpan row) {
      const std::string where = "clients row " + std::to_string(number);
      view.findings().guard(where, [&] {
        decode_whole<schema::ClientRow>(row);
        Stored<schema::ClientRow> client(row);
        view.findings().expect(client.get().getAccessToken().size() > 0, where, "has no token");
      });
    });
  }
}

}  // namespace troupe::auth
