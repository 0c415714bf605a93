// What task queues give away, followed message by message beside them: slow and simple where they
// are quick.
//
// Promised, at each moment in which a queue gives a run to somebody:
//   order       of the runs that wait in this queue, whose limit is not reached and whose demands
//   fit
//               into what the claimant has left, it is the most urgent; of those the oldest
//   window      a session gets no more than the slots it has offered and not taken back, a request
//               no more than it has asked for
//   quarantine  none goes to a worker in quarantine
//   limits      no more runs of a key are claimed than its limit says, also of those claimed by
//   name
// And at rest: nobody waits for a run that waits for somebody.
//
// Age is the order of numbers, which the model judges (Model::check_age).
#pragma once

#include "actors/task_queue/entry.h"
#include "tests/sim/model.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace troupe::sim {

class Queues {
 public:
  explicit Queues(Model& model) : model_(model) {}

  /// An actor has handled a message. Of other kinds than tasks, queues and workers it is ignored.
  void handled(const ActorId& self, const Message& message, const Effects& effects);
  /// A command about a worker's quarantine was accepted.
  void quarantined(const std::string& worker, Instant until);
  /// A new life after a crash: nobody waits, and all else is as on disk.
  void restarted(Host& host);
  /// Nothing is on its way.
  void at_rest(Host& host);

  /// The session out of whose slots the run was claimed; 0: out of nobody's, but by its name.
  std::uint64_t session_of(const std::string& task, std::uint32_t run) const;

 private:
  using Entry = task_queue::Entry;
  using EntryKey = task_queue::EntryKey;
  using Amounts = task_queue::Amounts;

  struct Counted {
    std::string concurrency_key;
    std::uint64_t worker = 0;  // its mark
    Amounts demands;
  };
  struct Waiter {
    std::string worker;  // `group/id`
    std::int32_t slots = 0;
    bool request = false;  // to claim work: it has no connection
    std::optional<Amounts> offer;
  };
  struct Queue {
    std::map<EntryKey, Entry> entries;
    std::map<std::uint64_t, Counted> claimed;  // that count, by the numbers of their entries
    std::map<std::uint64_t, Waiter> waiters;   // by session
    std::map<std::string, Instant> quarantines;
  };

  void note(Queue& queue, const Message& message, const Effects& effects);
  void note_put(Queue& queue, const Message& message);
  void note_move(Queue& queue, const EntryKey& from, const EntryKey& to);
  void note_await(Queue& queue, const Message& message, const Effects& effects);
  void note_answer(Queue& queue, const Message& message);
  void note_quarantine(Queue& queue, const Message& message);
  void note_claim(const ActorId& task, const Message& message, const Effects& effects);
  void give(const std::string& name, Queue& queue, const Send& send);
  void check_turn(Queue& queue, const Entry& entry, Waiter& waiter, const std::string& what);
  void read(const Snapshot& shard);
  void check_quarantines(Host& host);
  void check_waiters(const std::string& name, const Queue& queue);

  static bool is_held_back(const Queue& queue, const Entry& entry);
  static bool fits(const Queue& queue, const Entry& entry, const Waiter& waiter);
  const Entry* first_for(const Queue& queue, const Waiter& waiter) const;

  Model& model_;
  std::map<std::string, Queue> queues_;
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> sessions_;  // by task and run

  // Of quarantines, by worker with its queue: what the queue has been told.
  std::set<std::pair<std::string, Instant>> heard_;
};

}  // namespace troupe::sim
