#include "actors/auth/client_actor.h"

#include "actors/kinds.h"
#include "actors/state_row.h"

namespace troupe::auth {
namespace {

class ClientActor final : public DurableActor {
 public:
  explicit ClientActor(const Rows& rows) : row_(tables::clients, rows) {
    if (row_.exists()) state_ = decode_client(row_.words());
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, context);
    if (!outcome.ok()) return outcome.error();
    ClientTransition t = std::move(outcome).value();
    if (t.next.exists && t.next != state_) row_.put(encode_client(t.next), t.effects);
    if (t.effects.remove) row_.forget();
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

 private:
  StateRow row_;
  ClientState state_;
};

}  // namespace

Kind client_kind() {
  return {kinds::client,
          "client",
          {tables::clients},
          [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<ClientActor>(rows);
          }};
}

}  // namespace troupe::auth
