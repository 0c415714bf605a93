// A task queue by itself: its actor, its rows, and what it says to tasks, workers and callers. The
// test plays the tasks.
#pragma once

#include "actors/task_queue/state.h"
#include "runtime/actor/durable_actor.h"
#include "tests/actors/support/invariants.h"
#include "tests/actors/support/queue_messages.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::test {

class Desk {
 public:
  /// A run that the queue has given to somebody.
  struct HandedOut {
    std::string task;
    std::uint32_t run = 0;
    std::string worker;  // its id alone
    std::uint64_t session = 0;
    bool timed = false;
  };

  explicit Desk(const task_queue::QueueConfig& config = {});

  Instant now = start;
  MemoryRows rows;
  TimersByName timers;
  std::vector<std::string> handed_out;  // `task -> worker id`
  std::deque<HandedOut> unanswered;     // oldest first
  std::vector<std::string> stored;      // `task.run`: entries that tasks were told of
  std::vector<std::string> refused;     // `task: limit`: claims by name
  std::vector<std::string> faults;
  bool removed = false;             // the actor said that it is gone
  std::size_t largest_effects = 0;  // rows and sends of one handler
  std::size_t own_messages = 0;     // that it has sent to itself
  bool defers = false;              // those are handled by `go_on` alone

  /// From a task, or a worker's actor; then all that the queue tells itself.
  void tell(const ActorId& from, Bytes body);
  void tell(const std::string& task, Bytes body);
  /// A command; its answer, if it came at once, is in `replies`.
  std::uint64_t ask(Bytes command);
  void fire(const std::string& timer);
  /// The oldest message that the queue has sent to itself. False: there is none.
  bool go_on();
  /// Forgets what no row has.
  void restart();

  /// The task of the oldest claim that is under way answers; with its token if it accepts.
  void answer(bool accepted, std::uint64_t number = 0);
  /// The claims of a claimWork, as `task.run/token`; nothing without an answer.
  std::optional<std::vector<std::string>> claims(std::uint64_t call);
  /// With what a command was refused, if it was.
  std::optional<Error> refusal(std::uint64_t call);
  std::size_t answers(std::uint64_t call) { return replies_[call].size(); }
  std::uint64_t pending() const;
  std::size_t count(const TableSpec& table) const { return rows.count(table.id); }

 private:
  void handle(const Message& message);
  void handle_one(const Message& message);
  void land(Effects effects);

  const task_queue::QueueConfig config_;
  std::unique_ptr<DurableActor> actor_;
  std::deque<Bytes> to_itself_;
  std::map<std::uint64_t, std::vector<Reply>> replies_;
  std::uint64_t calls_ = 0;
  std::uint64_t numbers_ = 0;
  std::uint64_t tokens_ = 0;
};

}  // namespace troupe::test
