#include "actors/subscription/subscription_actor.h"

#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/state_row.h"
#include "runtime/store/message.h"
#include "schema/store/subscription.capnp.h"

#include <algorithm>

namespace troupe::subscription {
namespace {

using M = schema::SubscriptionMessage;
using Numbers = capnp::List<std::uint64_t>;

Position read_numbers(Numbers::Reader numbers) {
  Position position;
  for (const auto number : numbers) position.push_back(number);
  return position;
}

void fill_numbers(const Position& position, Numbers::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, position[i]);
}

Bytes encode(const Subscription& subscription) {
  return build<schema::SubscriptionRow>([&](schema::SubscriptionRow::Builder row) {
    row.setName(text(subscription.name));
    row.setLog(text(subscription.log));
    const auto size = static_cast<unsigned>(subscription.position.size());
    fill_numbers(subscription.position, row.initPosition(size));
  });
}

class SubscriptionActor final : public DurableActor {
 public:
  explicit SubscriptionActor(const Rows& rows) : row_(tables::subscriptions, rows) {}

  Result<Effects> handle(const Message& message, const Context& context) override {
    if (message.source == Message::Source::timer) return Error{Errc::invalid, "it has no timers"};
    Stored<M> stored(message.body);
    const auto m = stored.get();
    switch (m.which()) {
      case M::BEGIN: return on_begin(m.getBegin(), message, context);
      case M::ADVANCE: return on_advance(read_numbers(m.getAdvance()), message);
    }
    return Error{Errc::invalid, "a message that this version does not know"};
  }

 private:
  // S2
  Result<Effects> on_begin(M::Begin::Reader m, const Message& message, const Context& context) {
    Subscription subscription{context.self.key, str(m.getLog()), read_numbers(m.getPosition())};
    if (row_.exists()) subscription = decode(row_.words());
    return answer(subscription, message);
  }

  // S1
  Result<Effects> on_advance(const Position& position, const Message& message) {
    if (!row_.exists()) return Error{Errc::not_found, "this subscription has not begun"};
    Subscription subscription = decode(row_.words());
    if (position.size() != subscription.position.size()) {
      return Error{Errc::invalid, "a position of another number of shards"};
    }
    std::ranges::transform(position, subscription.position, subscription.position.begin(),
                           [](auto a, auto b) { return std::max(a, b); });
    return answer(subscription, message);
  }

  Result<Effects> answer(const Subscription& subscription, const Message& message) {
    Effects effects;
    Bytes row = encode(subscription);
    row_.put(row, effects);
    effects.replies.push_back({message.reply_to, std::move(row), false});
    return effects;
  }

  StateRow row_;
};

}  // namespace

Kind kind() {
  return {kinds::subscription,
          "subscription",
          {tables::subscriptions},
          [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<SubscriptionActor>(rows);
          }};
}

Bytes begin(const std::string& log, const Position& position) {
  return build<M>([&](M::Builder m) {
    auto fields = m.initBegin();
    fields.setLog(text(log));
    fill_numbers(position, fields.initPosition(static_cast<unsigned>(position.size())));
  });
}

Bytes advance(const Position& position) {
  return build<M>([&](M::Builder m) {
    fill_numbers(position, m.initAdvance(static_cast<unsigned>(position.size())));
  });
}

Subscription decode(WordSpan row) {
  Stored<schema::SubscriptionRow> stored(row);
  const auto r = stored.get();
  return {str(r.getName()), str(r.getLog()), read_numbers(r.getPosition())};
}

std::optional<Subscription> find(const Snapshot& snapshot, const std::string& name) {
  const auto number = find_actor_number(snapshot, {kinds::subscription, name});
  const auto row = own_row(snapshot, tables::subscriptions, number);
  if (!row) return std::nullopt;
  return decode(*row);
}

}  // namespace troupe::subscription
