#include "tests/actors/support/invariants.h"

#include "actors/kinds.h"
#include "actors/task/codec.h"
#include "actors/task/transition.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/codec.h"
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
  const bool replaced = before.expiring && !after.expiring;  // by the next one with its id
  check_runs(replaced ? task::TaskState{} : before, after, findings);
  expect(after.retries_left >= 0, "T3: retriesLeft is below 0", findings);
  expect(!after.creation || after.runs.empty(), "T4: runs while it is being created", findings);
  const bool open = after.visible() && !after.is_resolved();
  expect(!open || timers.contains(task::deadline_timer), "T5: no deadline timer", findings);
  expect(!after.visible() || timers.contains(task::expiry_timer), "T6: no expiry timer", findings);
  expect(!timers.contains(task::claim_timer) || after.state() == schema::TaskState::RUNNING,
         "a claim timer, and nobody runs it", findings);
  expect(after.creation || after.expiring || unsatisfied_rows(rows) == after.unsatisfied,
         "needs are miscounted", findings);
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

namespace {

// Entries with this concurrency key, wherever they wait.
std::vector<task_queue::Entry> entries_of(const MemoryRows& rows, const std::string& key) {
  std::vector<task_queue::Entry> found;
  for (const auto& row :
       rows.scan(tables::queue_admitted.id, task_queue::waiting_prefix(), "", everything)) {
    const auto number = KeyReader(row.key.substr(1)).u64();
    const auto waiting = task_queue::decode_waiting(number, row.value.words());
    auto entry = task_queue::find_stored_entry(rows, waiting.key);
    if (entry && entry->concurrency_key == key) found.push_back(std::move(*entry));
  }
  return found;
}

// Q4, of one key.
void check_limit(const MemoryRows& rows,
                 const std::string& key,
                 const task_queue::Concurrency& counts,
                 Findings& findings) {
  using namespace task_queue;
  std::uint64_t claims = 0;
  for (const auto& row : rows.scan(tables::queue_admitted.id, claimed_prefix(), "", everything)) {
    claims += decode_claimed(row.value.words()).concurrency_key == key ? 1 : 0;
  }
  const auto entries = entries_of(rows, key);
  expect(counts.claimed == claims, "Q4: claimed is miscounted", findings);
  expect(counts.waiting == entries.size(), "Q4: waiting is miscounted", findings);
  std::map<std::string, EntryKey> first;  // of each group
  for (const Entry& entry : entries) {
    const auto [at, fresh] = first.emplace(held_prefix(key, entry.demands), entry.key);
    if (!fresh) at->second = std::min(at->second, entry.key);
  }
  for (const Entry& entry : entries) {
    const auto open =
        rows.scan(tables::queue_admitted.id, open_prefix(key, entry.demands), "", everything);
    expect(open.size() <= 1, "Q4: more than one of a group is open", findings);
    if (counts.is_reached()) continue;
    const auto own =
        rows.get(tables::queue_admitted.id, open_prefix(key, entry.demands) + entry_key(entry.key));
    const bool is_first = first.at(held_prefix(key, entry.demands)) == entry.key;
    expect(own.has_value() == is_first, "Q4: not the most urgent of a group is open", findings);
  }
}

}  // namespace

Findings broken_in_queue(const MemoryRows& rows) {
  Findings findings;
  task_queue::QueueState queue;
  if (const auto row = rows.get(tables::queue_state.id, "")) {
    task_queue::decode_row(row->words(), queue);
  }
  const auto entries = rows.count(tables::queue_entries.id) + rows.count(tables::queue_lanes.id) +
                       rows.count(tables::queue_held.id);
  expect(queue.pending == entries, "Q2", findings);
  for (const auto& row : rows.scan(tables::queue_concurrency.id, "", "", everything)) {
    const std::string key(KeyReader(row.key).text());
    check_limit(rows, key, task_queue::decode_concurrency(row.value.words()), findings);
  }
  return findings;
}

Findings broken_in_worker(const MemoryRows& rows, const TimersByName& timers) {
  Findings findings;
  const auto row = rows.get(tables::worker_state.id, "");
  if (!row) {
    expect(rows.empty() && timers.empty(), "a worker that is gone has rows or timers", findings);
    return findings;
  }
  auto worker = worker::decode_row(row->words());
  worker::read_claims(rows, worker);
  const bool leased = worker.holds_leased() && worker.session == 0;
  const auto lease = timers.find(worker::lease_timer);
  expect((lease != timers.end()) == leased, "W1: a lease without need, or none", findings);
  expect(lease == timers.end() || lease->second.due == worker.lease_until,
         "W1: the lease's end is not its timer's", findings);
  expect(leased || !worker.lease_until, "W1: an end without a lease", findings);
  expect(worker.session != 0 || worker.pause.empty(), "W3: a pause without a session", findings);
  expect(worker.session == 0 || !worker.away_since, "W3: away with a session", findings);
  expect(timers.contains(worker::record_timer) == (worker.session == 0), "W4", findings);
  return findings;
}

}  // namespace troupe::test
