#include "tests/actors/support/invariants.h"

#include "actors/kinds.h"
#include "actors/task/codec.h"
#include "actors/task/transition.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/worker_actor.h"

namespace troupe::test {
namespace {

constexpr std::size_t everything = 100'000;

using Findings = std::vector<std::string>;

void expect(bool holds, const char* what, Findings& findings) {
  if (!holds) findings.emplace_back(what);
}

bool is_open(const task::Run& run) {
  return run.state == schema::TaskState::PENDING || run.state == schema::TaskState::RUNNING;
}

bool same_run(const task::Run& a, const task::Run& b) {
  return a.state == b.state && a.reason_created == b.reason_created &&
         a.reason_resolved == b.reason_resolved && a.token == b.token && a.resolved == b.resolved &&
         a.worker_id == b.worker_id && a.taken_until == b.taken_until;
}

void check_runs(const task::TaskState& before, const task::TaskState& after, Findings& findings) {
  for (std::size_t i = 0; i < after.runs.size(); ++i) {
    const task::Run& run = after.runs[i];
    const bool last = i + 1 == after.runs.size();
    expect((run.token != 0) == static_cast<bool>(run.started), "T1: token without start", findings);
    expect(last || !is_open(run), "T2: an earlier run is open", findings);
    const bool was_resolved = i < before.runs.size() && !is_open(before.runs[i]);
    expect(!was_resolved || same_run(before.runs[i], run), "T2: a resolved run changed", findings);
  }
  expect(after.runs.size() >= before.runs.size(), "T2: a run is gone", findings);
}

std::size_t unsatisfied_rows(const MemoryRows& rows) {
  std::size_t count = 0;
  for (const auto& row : rows.scan(tables::task_needs.id, "", "", everything)) {
    Stored<schema::NeedRow> need(row.value);
    if (!need.get().getSatisfied()) ++count;
  }
  return count;
}

}  // namespace

task::TaskState read_task(const Rows& rows) {
  const auto row = rows.get(tables::task_state.id, "");
  return row ? task::decode_row(row->words()) : task::TaskState{};
}

Findings broken_in_task(const task::TaskState& before,
                        const task::TaskState& after,
                        const MemoryRows& rows,
                        const TimersByName& timers) {
  Findings findings;
  if (!after.exists) {
    expect(rows.empty(), "a task that is gone has rows", findings);
    expect(timers.empty(), "a task that is gone has timers", findings);
    return findings;
  }
  check_runs(before, after, findings);
  expect(after.retries_left >= 0, "T3: retriesLeft is below 0", findings);
  expect(!after.creation || after.runs.empty(), "T4: runs while it is being created", findings);
  const bool open = after.visible() && !after.is_resolved();
  expect(!open || timers.contains(task::deadline_timer), "T5: no deadline timer", findings);
  expect(!timers.contains(task::claim_timer) || after.state() == schema::TaskState::RUNNING,
         "a claim timer, and nobody runs it", findings);
  expect(after.creation || unsatisfied_rows(rows) == after.unsatisfied, "needs are miscounted",
         findings);
  return findings;
}

Findings broken_in_group(const MemoryRows& rows) {
  Findings findings;
  const auto row = rows.get(tables::group_state.id, "");
  if (!row) return findings;
  const auto group = task_group::decode_row(row->words());
  std::size_t never_resolved = 0;
  for (const auto& member : rows.scan(tables::group_members.id, "", "", everything)) {
    Stored<schema::MemberRow> stored(member.value);
    if (!stored.get().getEverResolved()) ++never_resolved;
  }
  expect(group.never_resolved <= group.members, "G1", findings);
  expect(group.members == rows.count(tables::group_members.id), "members are miscounted", findings);
  expect(group.never_resolved == never_resolved, "never resolved is miscounted", findings);
  return findings;
}

Findings broken_in_queue(const MemoryRows& rows) {
  Findings findings;
  task_queue::QueueState queue;
  if (const auto row = rows.get(tables::queue_state.id, "")) {
    task_queue::decode_row(row->words(), queue);
  }
  expect(queue.pending == rows.count(tables::queue_entries.id), "Q2", findings);
  return findings;
}

Findings broken_in_worker(const MemoryRows& rows, const TimersByName& timers) {
  Findings findings;
  const auto row = rows.get(tables::worker_state.id, "");
  if (!row) return findings;
  const auto worker = worker::decode_row(row->words());
  const bool leased = rows.count(tables::worker_claims.id) > 0 && worker.session == 0;
  const auto lease = timers.find(worker::lease_timer);
  expect((lease != timers.end()) == leased, "W1: a lease without need, or none", findings);
  expect(lease == timers.end() || lease->second.due == worker.lease_until,
         "W1: the lease's end is not its timer's", findings);
  expect(leased || !worker.lease_until, "W1: an end without a lease", findings);
  expect(worker.session != 0 || worker.pause.empty(), "W3: a pause without a session", findings);
  expect(worker.session == 0 || !worker.away_since, "W3: away with a session", findings);
  return findings;
}

}  // namespace troupe::test
