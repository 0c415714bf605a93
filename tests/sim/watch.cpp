#include "tests/sim/watch.h"

#include <utility>

namespace troupe::sim {
namespace {

class Watched final : public DurableActor {
 public:
  Watched(ActorId id, std::unique_ptr<DurableActor> actor, const Watcher& watcher)
      : id_(std::move(id)), actor_(std::move(actor)), watcher_(watcher) {}

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = actor_->handle(message, context);
    watcher_(id_, message, outcome);
    return outcome;
  }

  bool is_volatile() const override { return actor_->is_volatile(); }

 private:
  const ActorId id_;
  const std::unique_ptr<DurableActor> actor_;
  const Watcher& watcher_;
};

}  // namespace

Kind watched(Kind kind, const Watcher& watcher) {
  kind.activate = [activate = std::move(kind.activate), &watcher](
                      const ActorId& id, const Rows& rows) -> std::unique_ptr<DurableActor> {
    return std::make_unique<Watched>(id, activate(id, rows), watcher);
  };
  return kind;
}

}  // namespace troupe::sim
