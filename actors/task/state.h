// The life of one task: unscheduled -> pending -> running -> resolved, run by run.
//
// Invariants, checked after every transition:
//   T1  a run has a claim token if and only if it was ever running;
//   T2  only the last run can be pending or running; a resolved run never changes;
//   T3  retriesLeft never goes below 0;
//   T4  while the task is being created it has no runs;
//   T5  a task that is unscheduled, pending or running has a deadline timer.
//
// Enumerations are those of the API: there is no second list of states and reasons.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/base/time.h"
#include "schema/api/queue.capnp.h"
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
  Instant resolved;
  std::uint64_t token = 0;  // of the claim
  std::uint64_t entry = 0;  // number of the pending entry
  bool by_name = false;     // claimed by claimTask, which its worker may repeat
};

/// createTask, step by step.
struct Creation {
  schema::CreateStep step = schema::CreateStep::NONE;
  std::uint32_t asked = 0;    // dependencies asked so far
  std::uint32_t waiting = 0;  // answers that have not come
  std::vector<std::string> missing;
  std::vector<std::string> expiring;
  std::optional<Error> refusal;  // while undoing; not in any row, like the callers it is for
};

/// Telling dependents and the group that the task has ended.
struct Telling {
  bool completed = false;       // the outcome
  std::string cursor;           // last dependent looked at
  std::uint32_t waiting = 0;    // answers that have not come
  bool told_group = false;      // the last step
  bool again = false;           // ended anew meanwhile
  bool deadline_event = false;  // task-exception is written at the end
};

/// A createTask that cannot be answered yet.
struct Caller {
  ReplyTo to;
  Bytes message;
};

struct TaskState {
  bool exists = false;  // has rows; hidden while `creation` is set
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
  std::vector<Run> runs;
  bool held = false;
  std::uint32_t unsatisfied = 0;
  bool ever_resolved = false;
  std::optional<Creation> creation;
  std::optional<Telling> telling;

  // Not in any row: callers that wait.
  std::vector<Caller> creators;  // of the creation under way
  std::deque<Caller> later;      // another definition: waits for the creation's end
  std::deque<Caller> repeats;    // wait for the group's word, in this order
  std::map<std::uint32_t, std::vector<ReplyTo>> until_stored;  // by run: for its pending entry

  bool visible() const { return exists && !creation; }
  schema::TaskState state() const {
    return runs.empty() ? schema::TaskState::UNSCHEDULED : runs.back().state;
  }
  bool is_resolved() const {
    return state() != schema::TaskState::UNSCHEDULED && state() != schema::TaskState::PENDING &&
           state() != schema::TaskState::RUNNING;
  }
};

/// Settings that rules depend on; constant.
struct TaskConfig {
  Duration claim_timeout{20 * 60 * 1000};
  Duration deadline_delay{60 * 1000};
  Duration max_task_deadline{5 * 24 * 60 * 60 * 1000};
  std::uint32_t max_dependencies = 10'000;
};

}  // namespace troupe::task
