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

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace troupe::sim {

/// Everything random of one run comes from here, in order.
using Random = std::mt19937_64;

/// What may go wrong, per thousand steps of that sort.
struct Faults {
  std::uint32_t crash = 0;         // per step: the process is gone
  std::uint32_t crash_commit = 0;  // per commit: gone before, within (torn) or just after it
  std::uint32_t disk_full = 0;     // per commit: ENOSPC; lasts some commits
  std::uint32_t sync_fails = 0;    // per commit: the process ends itself, as after a failed fsync
};

struct SimOptions {
  std::uint64_t seed = 1;
  std::string directory;  // empty, on a fast file system
  std::vector<Kind> kinds;
  std::uint32_t shards = 1;
  Faults faults;
  Duration idle_after{200};            // so that passivation happens all the time
  std::function<void(Host&)> prepare;  // as of HostOptions
  std::function<void(Reply)> reply;    // to the one edge; those of an earlier life never come
  std::function<void()> crashed;       // the old life is gone, the new one not yet there
  std::function<void()> restarted;     // the new life is there
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
};

class SimHost {
 public:
  explicit SimHost(SimOptions options);
  ~SimHost();

  /// One step. False: nothing is left to do but to let time pass, and no timer is set.
  bool step();

  /// Steps until nothing is left to do, or `most` steps; no faults meanwhile. False: `most` was not
  /// enough.
  bool settle(std::uint64_t most);

  /// kill -9, now; and the next life starts from what is on disk.
  void crash();

  /// Faults from now on.
  void set_faults(Faults faults);

  /// The life under way; another after each crash.
  Host& host();
  /// The edge to put into a ReplyTo, in this life.
  std::uint32_t edge() const;

  Random& random();
  ManualClock& clock();
  /// The next timer's time, or that of whoever asked to be woken: the clock is moved there when
  /// nothing else is to do.
  void wake_at(Instant when);

  SimCounts counts() const;
  /// Over all rows on disk and the counts: equal for equal runs.
  std::string state_hash();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe::sim
