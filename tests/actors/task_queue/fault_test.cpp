// A handler that fails in its middle leaves no trace: entries and workers are as before.
#include "actors/kinds.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/queue_actor.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/queue_messages.h"
#include "tests/actors/support/rows.h"

#include <catch2/catch.hpp>

#include <stdexcept>

namespace troupe::test {
namespace {

// Rows of which some cannot be read for a while.
class DamagedRows final : public Rows {
 public:
  MemoryRows stored;
  bool damaged = false;

  std::optional<Bytes> get(TableId table, std::string_view key) const override {
    return stored.get(table, key);
  }
  std::vector<Row> scan(TableId table,
                        std::string_view prefix,
                        std::string_view after,
                        std::size_t limit) const override {
    if (damaged && table == tables::queue_lanes.id) throw std::runtime_error("damaged");
    return stored.scan(table, prefix, after, limit);
  }
};

class Actor {
 public:
  DamagedRows rows;
  std::vector<std::string> handed_out;

  Actor() : actor_(task_queue::kind({}).activate(id_, rows)) {}

  void tell(const std::string& from, Bytes body) {
    Message message;
    message.source = from.empty() ? Message::Source::command : Message::Source::actor;
    message.from = task_id(from);
    message.body = std::move(body);
    const Context context{id_, start, ++numbers_, rows};
    const auto effects = actor_->handle(message, context).value();
    rows.stored.apply(effects.rows);
    for (const Send& send : effects.sends) {
      if (send.to.kind != kinds::task) continue;
      Stored<schema::TaskMessage> stored(send.body);
      if (stored.get().isClaimRun()) handed_out.push_back(send.to.key);
    }
  }

  std::uint64_t pending() const {
    task_queue::QueueState queue;
    task_queue::decode_row(rows.get(tables::queue_state.id, "")->words(), queue);
    return queue.pending;
  }

 private:
  const ActorId id_ = task_queue_id("local/default");
  std::unique_ptr<DurableActor> actor_;
  std::uint64_t numbers_ = 0;
};

TEST_CASE("a handler of a queue that fails leaves no trace", "[queue]") {
  Actor actor;
  const std::uint64_t count = task_queue::lane_size.most + 12;
  for (std::uint64_t i = 1; i <= count; ++i) {
    NewEntry entry;
    entry.number = i;
    entry.demands = {{"cpu", 1}};
    actor.tell(std::to_string(i), put_entry(entry));
  }
  // More than are in memory: rows are read when some have been handed out already.
  const Slots slots{.worker = "g/w", .session = 1, .count = 20};
  actor.rows.damaged = true;
  CHECK_THROWS(actor.tell("", await(slots)));
  CHECK_THROWS(actor.tell("", await(slots)));  // nor does it go on with half a state
  actor.rows.damaged = false;
  CHECK(actor.handed_out.empty());
  CHECK(actor.pending() == count);
  actor.tell("", await(slots));
  REQUIRE(actor.handed_out.size() == 20);
  CHECK(actor.handed_out.front() == "1");
  CHECK(actor.handed_out.back() == "20");
  CHECK(actor.pending() == count - 20);
}

}  // namespace
}  // namespace troupe::test
