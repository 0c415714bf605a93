// All kinds of actors on one small stage: one thread, rows in memory, messages one after the other,
// a clock that moves when told to. What they say to the outside is collected.
//
// After every message the invariants are checked; what is broken, thrown or refused where nobody
// can refuse is a fault, and a test ends with none.
#pragma once

#include "actors/kinds.h"
#include "tests/actors/support/invariants.h"
#include "tests/actors/support/messages.h"
#include "tests/actors/support/snapshot.h"

#include <deque>
#include <memory>
#include <set>

namespace troupe::test {

class Cast {
 public:
  Cast();

  Instant now = start;
  std::vector<Event> events;
  std::vector<std::string> faults;

  /// Sends a command; nothing happens before `run`, `step` or `advance`.
  ReplyTo tell(const ActorId& to, Bytes command);
  /// Sends a command and runs. Requires that it is answered, once.
  Result<Bytes> ask(const ActorId& to, Bytes command);
  /// What came back so far.
  const std::vector<Reply>& replies(ReplyTo to) { return replies_[to.call]; }
  /// How many commands got no answer yet.
  std::size_t unanswered() const;

  /// Delivers until nothing is on its way, then checks what must hold between actors at rest.
  void run();
  /// Delivers one message: of all that could be next, the one that `choice` picks. What one actor
  /// sends another arrives in order, nothing else is promised. False if nothing is on its way.
  bool step(std::size_t choice = 0);
  /// Delivers a timer that is set, ahead of all that is on its way.
  void fire(const ActorId& to, const std::string& timer);
  /// Time passes; timers fire in order, each followed by all it causes.
  void advance(Duration duration);
  /// All forget what no row has. Messages between actors stay on their way; commands and callers
  /// are lost.
  void restart();

  const MemoryRows& rows(const ActorId& id) { return player(id).rows; }
  const TimersByName& timers(const ActorId& id) { return player(id).timers; }
  task::TaskState task(const std::string& id) { return read_task(rows(task_id(id))); }
  /// The claim of a task's last run.
  ClaimOf claim(const std::string& id);
  /// The exchange's name and the first words of the key (`task-pending A.0`), oldest first; then
  /// none are left.
  std::vector<std::string> take_events();
  std::vector<Push> pushes(ReplyTo to);
  /// What queries read: all rows as they are now.
  MemorySnapshot snapshot() const;

 private:
  struct Player {
    const Kind* kind = nullptr;
    std::unique_ptr<DurableActor> actor;
    MemoryRows rows;
    TimersByName timers;
  };
  struct Mail {
    ActorId to;
    Message message;
  };

  Player& player(const ActorId& id);
  void deliver(const Mail& mail);
  void land(const ActorId& id, Effects effects);
  void refuse(const Mail& mail, const Error& error);
  void note(const ActorId& id, const std::vector<std::string>& broken);
  void check_at_rest();
  void check_worker_at_rest(const ActorId& id);
  void check_queue_at_rest(const ActorId& id);
  void check_task_at_rest(const ActorId& id);
  void check_group_at_rest(const ActorId& id);
  bool fire_next(Instant until);

  std::map<KindId, Kind> kinds_;
  std::map<ActorId, Player> players_;
  std::deque<Mail> mail_;
  std::set<ActorId> touched_;  // since all were last at rest
  std::map<std::uint64_t, std::vector<Reply>> replies_;
  std::uint64_t calls_ = 0;
  std::uint64_t numbers_ = 0;
};

inline const ActorId default_queue = task_queue_id("local/default");
inline const ActorId default_worker = worker_id("local/default/g/w");

}  // namespace troupe::test
