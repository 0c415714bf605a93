// Who waits for tasks: sessions of connected workers, which take one in turn, and requests to claim
// work, which take all they want when it is their turn.
//
// Each remembers what it knows of the lanes, so that nobody looks twice at what does not fit:
//   looks     it is to look at all lanes in memory when it is its turn, since it is new, or has
//             more room than before. All others fit none of them, but for those that are new
//             (Lanes::unseen)
//   seen_all  counts laps through the lanes that there are (Lanes::next_slice): from then on it has
//             seen also those that were not in memory
#pragma once

#include "actors/task_queue/amounts.h"
#include "runtime/actor/effects.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::task_queue {

/// A claim of one run, as its task made it.
struct ClaimedRun {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::uint64_t token = 0;
  std::uint64_t number = 0;  // of its entry; 0 in an answer that is given again
};

/// A caller that waits for the answer to `claimWork`.
struct Listener {
  std::uint64_t session = 0;  // names its call
  ReplyTo to;
};

/// A request to claim work. It is answered once all runs that it was given have.
struct WorkRequest {
  std::vector<Listener> listeners;        // more than one if the request was made again
  std::string request_id;                 // empty: it is not remembered
  std::uint32_t under_way = 0;            // runs that have not answered
  std::vector<std::uint64_t> handed_out;  // numbers of all its runs, most urgent first
  std::vector<ClaimedRun> claims;         // that have
  std::vector<ReplyTo> stoppers;          // wait for its end
  bool stopped = false;                   // is given nothing more
};

struct Waiter {
  std::uint64_t session = 0;
  std::string worker;      // `group/id`
  std::uint64_t mark = 0;  // its `worker_mark`
  std::int32_t slots = 0;  // how many more claims it takes
  std::uint64_t turn = 0;  // the smallest is served next
  bool quarantined = false;
  std::optional<Amounts> offer;        // that the worker has; nothing: it takes every run
  std::optional<WorkRequest> request;  // none: the session of a connected worker
  // Kept by Waiters:
  bool looks = true;
  std::uint64_t seen_all = 0;

  bool may_take() const {
    const bool busy = request && (request->under_way > 0 || request->stopped);
    return slots > 0 && !quarantined && !busy;
  }
};

/// A number for the worker that stays the same over its connections and restarts of the server.
std::uint64_t worker_mark(const std::string& worker);

class Waiters {
 public:
  bool empty() const { return waiters_.empty(); }
  /// By its session, or that of any who listens.
  const Waiter* find(std::uint64_t session) const;
  /// The request of this id that is not answered yet.
  const Waiter* find_request(const std::string& request_id) const;
  const std::map<std::uint64_t, Waiter>& all() const { return waiters_; }

  /// The next whose turn comes after `turn` and who may take a run.
  const Waiter* next(std::uint64_t turn) const;
  std::uint64_t new_turn() { return ++last_turn_; }
  /// No turn comes after it.
  std::uint64_t last_turn() const { return last_turn_; }

  /// The next of those that may take a run and are to look at the lanes in memory.
  const Waiter* next_that_looks() const;
  /// It has looked: none of the lanes in memory is for it.
  void looked(std::uint64_t session);
  /// The worker has more room than before.
  void look_again(std::uint64_t mark);
  /// Nothing is known of any lane.
  void look_again();

  /// Whether somebody has not seen all lanes that there are.
  bool anyone_seeks() const { return !seeking_.empty(); }
  /// Other lanes are in memory: those look at them.
  void look_further();
  /// All lanes have been in memory once more; `end_search`: all of them are.
  void end_lap();
  void end_search();

  /// Adds or replaces.
  void put(Waiter waiter);
  void remove(std::uint64_t session);

  /// A message begins: `undo` takes back what was changed since.
  void begin() { before_.clear(); }
  void undo();

 private:
  using Turn = std::pair<std::uint64_t, std::uint64_t>;  // and the session

  void remember(std::uint64_t session);
  void begin_look(Waiter& waiter) const;
  void index(const Waiter& waiter);
  void unindex(const Waiter& waiter);

  std::map<std::uint64_t, Waiter> waiters_;                    // by session
  std::set<Turn> turns_;                                       // of who may take
  std::set<Turn> looking_;                                     // those of them that look
  std::set<std::pair<std::uint64_t, std::uint64_t>> seeking_;  // (seen_all, session), likewise
  std::set<std::pair<std::uint64_t, std::uint64_t>> marks_;    // (mark, session) if it has an offer
  std::map<std::uint64_t, std::uint64_t> listening_;           // the waiter's session by listener's
  std::map<std::string, std::uint64_t> requests_;              // its session by request id
  std::uint64_t last_turn_ = 0;
  std::uint64_t laps_ = 0;                                 // that have ended
  std::map<std::uint64_t, std::optional<Waiter>> before_;  // as this message has found them
};

}  // namespace troupe::task_queue
