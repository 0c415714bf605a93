// A node under simulation: the production actors, directory, supervisors, committers, timers and
// store, moved step by step by one seed, and crashed wherever the seed says.
//
//   step() picks one of: a CAF job | a held delivery | a commit | due timers | the clock
//
// Deliveries between actors are held and let go in random order; two messages from one actor to
// another keep theirs. A commit takes a random part of the committer's queue. The store is the
// production one on a fast file system; a crash puts back what was synced, or what a torn write
// leaves of it.
//
// Single-threaded: same seed, same options, same steps.
#pragma once

#include "runtime/actor/host.h"
#include "runtime/clock/clock.h"
#include "runtime/sim/random.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::sim {

/// What may go wrong, per thousand steps of that sort.
struct Faults {
  std::uint32_t crash = 0;           // per step: the process is gone
  std::uint32_t crash_commit = 0;    // per commit: gone before, within (torn) or just after it
  std::uint32_t disk_full = 0;       // per commit: ENOSPC; lasts some commits
  std::uint32_t sync_fails = 0;      // per commit: the process ends itself, as after a failed fsync
  std::uint32_t crash_recovery = 0;  // per commit of a start: the process is gone again
};

struct SimOptions {
  std::uint64_t seed = 1;
  std::string directory;  // of the data; none: a new one, in memory if possible, removed at the end
  std::vector<Kind> kinds;
  std::uint32_t shards = 1;
  Faults faults;
  Duration idle_after{200};            // so that passivation happens all the time
  std::function<void(Host&)> prepare;  // as of HostOptions
  std::function<void(Reply)> reply;    // to the one edge; those of an earlier life never come
  std::function<void()> crashed;       // the old life is gone, the new one not yet there
  std::function<void()> restarted;     // the new life is there
  /// As of HostHooks; also `process_ended` with why, when the platform ends itself.
  std::function<void(const std::string& kind,
                     const std::string& event,
                     const std::string& actor,
                     const std::string& detail)>
      report;
};

struct SimCounts {
  std::uint64_t steps = 0;
  std::uint64_t commits = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t timers = 0;
  std::uint64_t passivations = 0;
  std::uint64_t crashes = 0;
  std::uint64_t torn = 0;
  std::uint64_t disk_full = 0;
  std::uint64_t syncs_failed = 0;
  std::uint64_t recovery_crashes = 0;  // among the crashes
  std::uint64_t clock_steps = 0;
};

class SimHost {
 public:
  explicit SimHost(SimOptions options);
  ~SimHost();

  /// One step. False: nothing is left to do but to let time pass, and no timer is set.
  bool step();

  /// Steps until nothing is left to do at this time, or `most` steps; no faults and no time pass
  /// meanwhile. False: `most` was not enough.
  bool settle(std::uint64_t most);

  /// kill -9, now; and the next life starts from what is on disk. Not from within a callback; no
  /// snapshot may be left.
  void crash();

  /// Faults from now on.
  void set_faults(Faults faults);

  /// The life under way; another after each crash.
  Host& host();
  /// The edge to put into a ReplyTo, in this life.
  std::uint32_t edge() const;

  Random& random();
  ManualClock& clock();
  /// Somebody sets the time of day, by hours if it pleases: no other clock notices.
  void step_clock(Duration by);
  /// Somebody has to do something at this time elapsed: the clock, which goes to the next timer
  /// when nothing else is to do, stops there as well.
  void wake_at(Duration elapsed);

  SimCounts counts() const;
  /// Over all rows on disk and the counts: equal for equal runs.
  std::string state_hash();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::sim
