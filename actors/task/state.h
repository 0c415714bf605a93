// The life of one task: unscheduled -> pending -> running -> resolved, run by run.
//
// Invariants, checked after every transition:
//   T1  a run has a claim token if and only if it was ever running;
//   T2  only the last run can be pending or running; a resolved run never changes;
//   T3  retriesLeft never goes below 0;
//   T4  while the task is being created it has no runs;
//   T5  a task that is unscheduled, pending or running has a deadline timer;
//   T6  a task that is complete has an expiry timer, until its rows are being removed.
//
// Enumerations are those of the API: there is no second list of states and reasons.
#pragma once

#include "actors/task/limits.h"
#include "runtime/actor/effects.h"
#include "runtime/base/time.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/store/rows.capnp.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::task {

struct Run {
  schema::TaskState state = schema::TaskState::PENDING;
  schema::ReasonCreated reason_created = schema::ReasonCreated::SCHEDULED;
  schema::ReasonResolved reason_resolved = schema::ReasonResolved::NONE;
  std::string worker_group;
  std::string worker_id;
  Instant taken_until;
  Instant scheduled;
  Instant started;
  Instant claimed;  // when its claim was made or last renewed
  Instant resolved;
  std::uint64_t token = 0;  // of the claim
  std::uint64_t entry = 0;  // number of the pending entry
  bool by_name = false;     // claimed by claimTask, which its worker may repeat
  bool timed = false;       // claimed over HTTP: no lost connection ends the claim
};

/// createTask, step by step.
struct Creation {
  schema::CreateStep step = schema::CreateStep::NONE;
  std::uint32_t asked = 0;    // dependencies asked so far
  std::uint32_t waiting = 0;  // answers that have not come
  std::vector<std::string> missing;
  std::vector<std::string> expiring;
  // That of the command: a run that is pending at once has its place by when it was asked for.
  std::uint64_t number = 0;
  std::optional<Error> refusal;  // while undoing; not in any row, like the callers it is for
};

/// Telling dependents and the group that the task has ended. An end counts for those that asked
/// before it: it is known by how many runs there were.
struct Telling {
  std::uint32_t ended = 0;      // runs there were at the latest end that is told
  std::uint32_t completed = 0;  // likewise at the latest completion; 0: there was none
  std::string cursor;           // last dependent looked at
  std::uint32_t waiting = 0;    // answers that have not come
  bool told_group = false;      // the last step
  bool again = false;           // ended anew meanwhile
  bool deadline_event = false;  // task-exception is written at the end
};

/// A claimTask that the queue has been asked about, since the run is limited.
struct NamedClaim {
  std::uint64_t question = 0;
  ReplyTo to;
  std::uint32_t run = 0;
  std::string worker_group;
  std::string worker_id;
};

/// A createTask that cannot be answered yet.
struct Caller {
  ReplyTo to;
  Bytes message;
};

/// An identical createTask of a task that is there: waits for the group's word.
struct Repeat {
  std::uint64_t question = 0;  // as in schema GroupAnswer; a creation asks with 0
  ReplyTo to;
};

/// Artifacts that have expired are looked for some at a time, and removed.
struct ArtifactSweep {
  std::string cursor;  // the last one looked at
  Instant next;        // the earliest expiry of those that stay
};

struct TaskState {
  bool exists = false;  // has rows; hidden while `creation` or `expiring` is set
  std::string task_id;
  std::string task_queue_id;
  std::string scheduler_id;
  std::string project_id;
  std::string task_group_id;
  schema::Priority priority = schema::Priority::LOWEST;
  schema::Requires requirement = schema::Requires::ALL_COMPLETED;
  std::int32_t retries = 0;
  std::int32_t retries_left = 0;
  Instant created;
  Instant deadline;
  Instant expires;
  std::vector<std::string> routes;
  std::vector<std::pair<std::string, std::string>> tags;
  std::string name;
  Limits limits;
  std::vector<Run> runs;
  bool held = false;
  std::uint32_t unsatisfied = 0;
  bool ever_resolved = false;
  std::optional<Creation> creation;
  std::optional<Telling> telling;
  bool expiring = false;  // its rows are being removed, slice by slice

  // Not in any row: callers that wait.
  std::vector<Caller> creators;  // of the creation under way
  std::deque<Caller> later;      // another definition: waits for the creation's end
  std::vector<Repeat> repeats;
  std::map<std::uint32_t, std::vector<ReplyTo>> until_stored;  // by run: for its pending entry
  std::uint32_t entry_answers = 0;  // that the queue owes: about the last run's entry
  std::vector<NamedClaim> named_claims;
  std::optional<Instant> next_expiry;  // that the artifacts' timer is for; nothing: not known
  std::optional<ArtifactSweep> artifact_sweep;
  std::optional<std::string> adopted_to;  // last artifact whose blob's collector has been told

  bool visible() const { return exists && !creation && !expiring; }
  schema::TaskState state() const {
    return runs.empty() ? schema::TaskState::UNSCHEDULED : runs.back().state;
  }
  bool is_resolved() const {
    return state() != schema::TaskState::UNSCHEDULED && state() != schema::TaskState::PENDING &&
           state() != schema::TaskState::RUNNING;
  }
  /// Whether it has ended for good, now or before: such a task keeps its priority.
  bool has_ended() const { return ever_resolved || telling || is_resolved(); }
};

/// Settings that rules depend on; constant.
struct TaskConfig {
  Duration claim_timeout{20 * 60 * 1000};
  Duration deadline_delay{60 * 1000};
  Duration expiration_delay{30 * 60 * 1000};
  Duration max_task_deadline{5 * 24 * 60 * 60 * 1000};
  std::uint32_t max_dependencies = 10'000;
};

}  // namespace troupe::task
