// The actor system of a node: its shards, each with a store, a committer, timers, a directory and
// the CAF actors that run it.
//
//   node (escalation ends the process)
//     shard supervisor
//       supervisor of a kind   <- restarts its actors, with bounded intensity
//         durable actor ...    <- activated by a delivery, passivated when idle
//
// The only header of the host: no CAF in it.
#pragma once

#include "runtime/actor/durable_actor.h"
#include "runtime/actor/timers.h"
#include "runtime/clock/clock.h"
#include "runtime/store/committer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// Takes replies for one edge. Called on a committer's thread: hands over and returns.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void take(std::vector<Reply> replies) = 0;
};

class Host;

struct HostOptions {
  StoreOptions store;  // its directory holds a folder for each shard
  std::vector<Kind> kinds;
  std::uint32_t shards = 1;         // fixed when the data is made
  std::size_t credits = 16'384;     // root messages under way
  Duration idle_after{10'000};      // an actor unused for this long leaves memory
  std::size_t actors_max = 50'000;  // over this many in a shard, idle ones leave at once
  std::size_t threads = 2;
  TimerOptions timers;
  /// Called once all is recovered and before any timer fires: commands that every start needs.
  std::function<void(Host&)> prepare;
};

struct HostHooks {
  std::function<void(const std::string& why)> fatal;  // end the process: going on risks data
  /// A line for the log: `handler_threw`, `message_parked`, `actor_restarted`...
  std::function<void(const std::string& kind,
                     const std::string& event,
                     const std::string& actor,
                     const std::string& detail)>
      report;
  std::function<void(double seconds, std::size_t commits)> batch_written;
  /// Each batch, once it is on disk: a self-contained byte string (see runtime/store/batch.h).
  std::function<void(const Bytes& batch)> batch_landed = {};
};

struct HostStats {
  CommitterStats committer;  // of all shards; the time of the last batch is that of the slowest
  StoreUse store;            // of all shards
  std::vector<StoreUse> shard_stores;
  std::size_t actors = 0;
  std::size_t credits_in_use = 0;
  std::uint64_t credits_refused = 0;
  std::uint64_t activations = 0;
  std::uint64_t passivations = 0;
  std::uint64_t restarts = 0;
  std::uint64_t timers_fired = 0;
  double timer_late_seconds = 0;  // of the last one fired
  std::uint64_t dead_letters = 0;
};

/// What a command may cost.
enum class Admission : std::uint8_t {
  work,      // goes on while there is any room: claims, reports, expiry
  creation,  // refused when the store's reserve is all that is left
};

/// How far the event logs go, or have been read: the number of the last event of each shard.
using EventPosition = std::vector<std::uint64_t>;

class Host {
 public:
  /// Opens the stores, delivers again what was in inboxes and outboxes, starts the timers.
  /// Errors: as of Store::open.
  static Result<std::unique_ptr<Host>> start(const Clock& clock,
                                             HostOptions options,
                                             HostHooks hooks);
  virtual ~Host() = default;

  /// Sends a command to an actor. The reply goes to `reply_to`'s edge when all it says is on disk.
  /// Refused with `busy` if no credit is left, or no room for a creation. A command whose answer
  /// nobody waits for is always taken.
  virtual void ask(ActorId to,
                   Bytes command,
                   ReplyTo reply_to,
                   Admission admission = Admission::work) = 0;

  /// Registers an edge, which outlives its registration. Never 0.
  virtual std::uint32_t add_edge(ReplySink& sink) = 0;
  /// Replies to it are dropped from now on.
  virtual void remove_edge(std::uint32_t edge) = 0;

  virtual std::uint32_t shards() const = 0;
  /// What is on disk now, of all shards as of one. Not for the event log: its numbers are a
  /// shard's own.
  virtual std::unique_ptr<Snapshot> snapshot() = 0;
  virtual std::unique_ptr<Snapshot> shard_snapshot(std::uint32_t shard) = 0;
  /// One snapshot a shard, all of the same moment: what one has received, the other has sent.
  virtual std::vector<std::unique_ptr<Snapshot>> cut() = 0;

  /// Calls `notify` after each batch, on a committer's thread. Answers a number for `unwatch`.
  virtual std::uint64_t watch_events(std::function<void()> notify) = 0;
  virtual void unwatch_events(std::uint64_t watch) = 0;
  virtual EventPosition last_events() const = 0;

  /// Puts a message that was parked back into its actor's inbox, its attempts counted anew, and
  /// delivers it; or deletes it. `done` is called once that is on disk, on the committer's thread:
  /// it hands over and returns.
  /// Errors: `not_found` there is no such dead letter, or another call settles it.
  virtual void retry_dead_letter(std::uint64_t number, std::function<void(Status)> done) = 0;
  virtual void discard_dead_letter(std::uint64_t number, std::function<void(Status)> done) = 0;

  /// Changes rows of the runtime's own tables (retention, discarded dead letters).
  virtual void commit_rows(std::vector<RowOp> rows, std::uint32_t shard = 0) = 0;

  /// To be called each second or so: keeps the stores' readers and reserves in order. Cheap.
  virtual void maintain() = 0;

  virtual HostStats stats() = 0;
};

}  // namespace troupe
