// The actor system of a shard: store, committer, timers, directory and the CAF actors that run it.
//
//   node supervisor (escalation ends the process)
//     shard supervisor
//       supervisor of a kind   <- restarts its actors, with bounded intensity
//         durable actor ...    <- activated by a delivery, passivated when idle
//
// The only header of the host: no CAF in it.
#pragma once

#include "runtime/actor/durable_actor.h"
#include "runtime/clock/clock.h"
#include "runtime/store/committer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// Takes replies for one edge. Called on the committer's thread: hands over and returns.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void take(std::vector<Reply> replies) = 0;
};

class Host;

struct HostOptions {
  StoreOptions store;
  std::vector<Kind> kinds;
  Duration idle_after{10'000};      // an actor unused for this long leaves memory
  std::size_t actors_max = 50'000;  // over this many, idle ones leave at once
  std::size_t threads = 2;
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
};

struct HostStats {
  CommitterStats committer;
  StoreUse store;
  std::size_t actors = 0;
  std::uint64_t activations = 0;
  std::uint64_t passivations = 0;
  std::uint64_t restarts = 0;
  std::uint64_t timers_fired = 0;
  double timer_late_seconds = 0;
  std::uint64_t dead_letters = 0;
};

class Host {
 public:
  /// Opens the store, delivers again what was in inboxes, starts the timers.
  /// Errors: as of Store::open.
  static Result<std::unique_ptr<Host>> start(const Clock& clock,
                                             HostOptions options,
                                             HostHooks hooks);
  virtual ~Host() = default;

  /// Sends a command to an actor. The reply goes to `reply_to`'s edge when all it says is on disk.
  virtual void ask(ActorId to, Bytes command, ReplyTo reply_to) = 0;

  /// Registers an edge, which outlives its registration. Never 0.
  virtual std::uint32_t add_edge(ReplySink& sink) = 0;
  /// Replies to it are dropped from now on.
  virtual void remove_edge(std::uint32_t edge) = 0;

  /// What is on disk now.
  virtual std::unique_ptr<Snapshot> snapshot() = 0;

  /// Calls `notify` after each batch with the newest event's number, on the committer's thread.
  /// Answers a number for `unwatch`.
  virtual std::uint64_t watch_events(std::function<void(std::uint64_t last_event)> notify) = 0;
  virtual void unwatch_events(std::uint64_t watch) = 0;
  virtual std::uint64_t last_event() const = 0;

  /// Changes rows of the runtime's own tables (retention, discarded dead letters).
  virtual void commit_rows(std::vector<RowOp> rows) = 0;

  virtual HostStats stats() = 0;
};

}  // namespace troupe
