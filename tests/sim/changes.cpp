// What a commit has changed: each task moves as the contract allows, and its events are in the log
// of the same commit, once and in order. Source: spec/queue.md, section 3; spec/events.md,
// section 3.
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "schema/store/envelope.capnp.h"
#include "tests/sim/model.h"

#include <algorithm>
#include <charconv>

namespace troupe::sim {
namespace {

constexpr std::int32_t runs_max = 50;

bool deserves_retry(Reason reason) {
  return reason == Reason::WORKER_SHUTDOWN || reason == Reason::CLAIM_EXPIRED ||
         reason == Reason::INTERMITTENT_TASK;
}

// The next word of a routing key.
std::string_view take_word(std::string_view& key) {
  const auto dot = key.find('.');
  const auto word = key.substr(0, dot);
  key.remove_prefix(dot == std::string_view::npos ? key.size() : dot + 1);
  return word;
}

std::uint32_t to_number(std::string_view word) {
  std::uint32_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

std::string run_text(std::size_t run) {
  return "run " + std::to_string(run);
}

}  // namespace

// ---- The event log ----

void Model::read_events(Host& host) {
  last_event_.resize(host.shards(), 0);
  const auto ends = host.last_events();
  for (std::uint32_t shard = 0; shard < host.shards(); ++shard) {
    if (ends[shard] == last_event_[shard]) continue;
    const std::string from = KeyWriter().u64(last_event_[shard] + 1).key();
    host.shard_snapshot(shard)->scan(
        tables::events.id, from, [&](std::string_view key, WordSpan words) {
          const auto number = KeyReader(key).u64();
          if (number != last_event_[shard] + 1) {
            violation("shard " + std::to_string(shard) + ": event " + std::to_string(number) +
                      " follows " + std::to_string(last_event_[shard]));
          }
          last_event_[shard] = number;
          Stored<schema::EventRow> row(words);
          note_event(view(row.get().getExchange()), view(row.get().getRoutingKey()));
          return true;
        });
    if (ends[shard] > last_event_[shard]) {
      violation("shard " + std::to_string(shard) + ": events are missing at the end");
    }
  }
}

void Model::note_event(std::string_view exchange, std::string_view key) {
  const auto name = exchange.substr(exchange.rfind('/') + 1);
  take_word(key);  // `primary`
  const std::string id(take_word(key));
  if (name.starts_with("task-group-")) {
    note_group_event(name, id);
    return;
  }
  TaskModel& t = task(id);
  changed_.insert(&t);
  note_task_event(name, t, to_number(take_word(key)));
}

// In the order of spec/events.md, section 3.
void Model::note_task_event(std::string_view name, TaskModel& t, std::uint32_t run) {
  const std::string what = std::string(name) + " of " + run_text(run);
  if (name == "task-defined") {
    if (t.defined == 0 && !t.events.empty()) fail(t, "task-defined is not its first event");
    t.defined += 1;
    return;
  }
  if (t.defined == 0) fail(t, what + " comes before task-defined");
  if (name == "task-priority-changed") {
    t.priority_events += 1;
    if (t.priority_events > t.priority_changes_sent) fail(t, "more changes of priority than asked");
    return;
  }
  if (run > t.events.size()) fail(t, what + " comes before events of the run before it");
  if (run >= t.events.size()) {
    const bool open = !t.events.empty() && t.events.back().ended == 0;
    if (open) fail(t, what + ": the run before it has not ended");
    t.events.resize(run + 1);
  }
  RunEvents& events = t.events[run];
  if (name == "task-pending") {
    events.pending += 1;
  } else if (name == "task-running") {
    if (events.pending == 0) fail(t, what + " comes before task-pending");
    if (events.ended > 0) fail(t, what + " comes after the run's end");
    events.running += 1;
  } else if (name == "artifact-created") {
    if (events.running == 0) fail(t, what + " comes before task-running");
    events.artifacts += 1;
  } else {
    const State outcome = name == "task-completed" ? State::COMPLETED
                          : name == "task-failed"  ? State::FAILED
                                                   : State::EXCEPTION;
    if (events.ended > 0 && events.outcome != outcome) fail(t, what + ": it ended otherwise");
    events.outcome = outcome;
    events.ended += 1;
  }
}

void Model::note_group_event(std::string_view name, const std::string& group) {
  if (name == "task-group-sealed") {
    groups_[group].sealed_events += 1;
  } else if (name == "task-group-priority-changed") {
    GroupModel& changed = groups_[group];
    changed.priority_events += 1;
    if (changed.priority_events > changed.priority_changes_sent) {
      violation("group " + group + ": more changes of priority than asked");
    }
  } else {
    groups_[group].resolved_events += 1;
    group_events_.push_back(group);
  }
}

// ---- Rows ----

void Model::committed(Host& host) {
  commits_ += 1;
  read_events(host);
  const auto snapshot = host.snapshot();
  for (auto entry = dirty_.begin(); entry != dirty_.end();) {
    TaskModel& t = task(entry->first);
    const bool was_visible = t.disk.visible;
    auto row = read_row(t, *snapshot);
    if (!row && was_visible) row = read_row(t, *snapshot);  // its id may be a new task's already
    const auto& goal = entry->second;
    const bool arrived = goal ? row && std::ranges::equal(*row, goal->words()) : !row;
    entry = arrived ? dirty_.erase(entry) : std::next(entry);
  }
  finish_look(*snapshot);
}

std::optional<WordSpan> Model::read_row(TaskModel& t, const Snapshot& snapshot) {
  const auto number = t.disk.visible ? t.disk.number : find_actor_number(snapshot, task_id(t.id));
  const auto row = own_row(snapshot, tables::task_state, number);
  const bool changed = row ? !std::ranges::equal(*row, t.row.words()) : t.disk.exists;
  if (!changed) return row;
  t.row = row ? Bytes(std::vector<std::uint64_t>(row->begin(), row->end())) : Bytes{};
  look_at(t, row ? decode_task(number, *row) : TaskOnDisk{});
  return row;
}

void Model::restarted(Host& host) {
  dirty_.clear();
  for (TaskModel* t : order_) dirty_.emplace(t->id, std::nullopt);
  committed(host);
  for (TaskModel* t : order_) {
    t->complete = t->disk.visible || t->disk.expiring;
    t->going = t->disk.expiring;
    t->over = t->disk.resolved() && !t->disk.telling;
    t->expires = t->disk.expires;
    if (t->complete) t->removed = false;  // that was not on disk yet
  }
  dirty_.clear();
}

void Model::look_at(TaskModel& t, TaskOnDisk now) {
  changed_.insert(&t);
  if (t.disk.visible && !now.visible) note_removal(t);
  if (now.visible) {
    check_definition(t, now);
    check_runs(t, now);
    check_retries(t, now);
    const bool was_open = t.disk.visible && !t.disk.resolved();
    open_ += static_cast<std::size_t>(!now.resolved()) - static_cast<std::size_t>(was_open);
  }
  const TaskOnDisk before = std::exchange(t.disk, std::move(now));
  note_history(t, before);
}

void Model::note_removal(TaskModel& t) {
  if (latest_ < t.disk.expires + terms_.expiration_delay) fail(t, "is gone");
  GroupModel& group = groups_[t.disk.group];
  std::erase(group.members, &t);
  for (const RunEvents& events : t.events) group.ends_of_removed += events.ended;
}

void Model::check_definition(const TaskModel& t, const TaskOnDisk& now) {
  const auto variant = static_cast<std::size_t>(now.variant);
  if (variant >= t.variants.size()) return fail(t, "nobody defined it so");
  if (t.disk.visible && t.disk.variant != now.variant) return fail(t, "its definition changed");
  const test::NewTask& d = t.variants[variant];
  const bool same = now.queue == d.queue && now.group == (d.group.empty() ? t.id : d.group) &&
                    now.scheduler == d.scheduler && priority_may_be(t, now.priority) &&
                    now.requirement == d.requirement && now.retries == d.retries &&
                    now.deadline == d.deadline;
  if (!same) fail(t, "differs from its definition");
}

// As it was defined, or as somebody wanted it.
bool Model::priority_may_be(const TaskModel& t, Priority priority) const {
  const auto in_definition = [&](const test::NewTask& d) {
    const auto group = groups_.find(d.group.empty() ? t.id : d.group);
    return d.priority == priority ||
           (group != groups_.end() && group->second.priorities.contains(priority));
  };
  return t.priorities.contains(priority) || std::ranges::any_of(t.variants, in_definition);
}

void Model::check_runs(const TaskModel& t, const TaskOnDisk& now) {
  const auto& before = t.disk.runs;
  if (now.runs.size() < before.size()) return fail(t, "a run is gone");
  for (std::size_t i = 0; i < now.runs.size(); ++i) {
    const RunOnDisk& run = now.runs[i];
    if (i + 1 < now.runs.size() && run.open()) fail(t, run_text(i) + " is open, and not the last");
    if (i >= before.size()) {
      check_new_run(t, now, i);
    } else if (!before[i].open()) {
      if (run != before[i]) fail(t, run_text(i) + " was resolved and has changed");
      continue;
    } else {
      const RunOnDisk& old = before[i];
      const bool claim_kept =
          old.token == 0 ||
          (old.token == run.token && old.worker == run.worker && old.started == run.started);
      if (!claim_kept) fail(t, run_text(i) + " has a second claim");
      if (old.state == State::RUNNING && run.state == State::PENDING) {
        fail(t, run_text(i) + " was running and is pending");
      }
      const bool rest_kept = old.created == run.created && old.scheduled == run.scheduled &&
                             old.entry == run.entry &&
                             old.taken_until <= run.taken_until + set_back_.count();
      if (!rest_kept) fail(t, run_text(i) + " has another beginning");
    }
    if (!run.open()) check_ending(t, now, i);
    if ((run.token != 0) != (run.started != 0)) fail(t, run_text(i) + ": claim without start");
    if (run.state == State::RUNNING && run.token == 0) fail(t, run_text(i) + " runs unclaimed");
  }
}

void Model::check_new_run(const TaskModel& t, const TaskOnDisk& now, std::size_t i) {
  const RunOnDisk& run = now.runs[i];
  const Reason before = i == 0 ? Reason::NONE : now.runs[i - 1].reason;
  switch (run.created) {
    case Created::SCHEDULED:
      if (i != 0) fail(t, run_text(i) + " was scheduled, and is not the first");
      return;
    case Created::EXCEPTION:
      if (i != 0 || run.open()) fail(t, run_text(i) + " was made for a reason it does not have");
      return;
    case Created::RETRY:
      if (before != Reason::WORKER_SHUTDOWN && before != Reason::CLAIM_EXPIRED) {
        fail(t, run_text(i) + " is a retry without a lost worker");
      }
      return;
    case Created::TASK_RETRY:
      if (before != Reason::INTERMITTENT_TASK)
        fail(t, run_text(i) + " is a retry nobody asked for");
      return;
    case Created::RERUN: {
      const auto reruns = std::ranges::count_if(
          now.runs, [](const RunOnDisk& r) { return r.created == Created::RERUN; });
      if (reruns > t.reruns_sent) fail(t, "has more reruns than were asked for");
      return;
    }
  }
}

// Somebody has to have ended it, or time.
void Model::check_ending(const TaskModel& t, const TaskOnDisk& now, std::size_t i) {
  const RunOnDisk& run = now.runs[i];
  const bool reported = std::ranges::any_of(t.reports, [&](const SentReport& r) {
    const State state = r.report.outcome == Outcome::COMPLETED ? State::COMPLETED
                        : r.report.outcome == Outcome::FAILED  ? State::FAILED
                                                               : State::EXCEPTION;
    const bool same_reason = state != State::EXCEPTION || r.report.reason == run.reason;
    return r.claim.run == i && r.claim.token == run.token && state == run.state && same_reason;
  });
  switch (run.reason) {
    case Reason::NONE: return fail(t, run_text(i) + " ended without a reason");
    case Reason::CANCELED:
      if (t.cancels_sent == 0 && groups_[now.group].cancels_sent == 0) {
        fail(t, "was cancelled by nobody");
      }
      return;
    case Reason::DEADLINE_EXCEEDED:
      // A clock that is set back between the timer and its handler does not undo it.
      if (latest_ < now.deadline + terms_.deadline_delay) {
        fail(t, "was ended before its deadline");
      }
      return;
    case Reason::CLAIM_EXPIRED:
      if (run.token == 0) fail(t, run_text(i) + ": nobody had claimed it");
      return;
    case Reason::WORKER_SHUTDOWN:
      if (run.token == 0) fail(t, run_text(i) + ": no worker was lost");
      return;
    default:
      if (!reported) fail(t, run_text(i) + " ended as nobody reported who held it");
      return;
  }
}

// Retries are used up one by one, and not forgotten.
void Model::check_retries(const TaskModel& t, const TaskOnDisk& now) {
  std::int32_t left = now.retries;
  for (std::size_t i = 0; i < now.runs.size(); ++i) {
    const RunOnDisk& run = now.runs[i];
    if (run.created == Created::RERUN) {
      left = std::min(now.retries, runs_max - static_cast<std::int32_t>(i + 1));
    } else if (run.created == Created::RETRY || run.created == Created::TASK_RETRY) {
      left -= 1;
    }
    const bool due = run.state == State::EXCEPTION && deserves_retry(run.reason) && left > 0;
    const bool retried =
        i + 1 < now.runs.size() && (now.runs[i + 1].created == Created::RETRY ||
                                    now.runs[i + 1].created == Created::TASK_RETRY);
    if (due != retried) fail(t, run_text(i) + (due ? " was not retried" : " was retried"));
  }
  if (left != now.retries_left || left < 0) fail(t, "retries are miscounted");
}

// Whether it ever ended for good: a run that is tried again does not count.
void Model::note_history(TaskModel& t, const TaskOnDisk& before) {
  const auto& runs = t.disk.runs;
  if (t.disk.visible && !before.visible) t.visible_since = commits_;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool last = i + 1 == runs.size();
    const bool final = !runs[i].open() && (last || runs[i + 1].created == Created::RERUN);
    if (!final) continue;
    t.ever_final = true;
    t.ever_completed = t.ever_completed || runs[i].state == State::COMPLETED;
    const bool known = i < before.runs.size() && !before.runs[i].open();
    if (known) continue;
    t.last_final = commits_;
    if (runs[i].state == State::COMPLETED) t.last_completed = commits_;
  }
}

// ---- After all rows of the commit have been read ----

void Model::finish_look(const Snapshot& snapshot) {
  for (TaskModel* t : changed_) {
    check_events(*t);
    check_scheduled(*t);
    check_timers(*t, snapshot);
  }
  for (const std::string& id : group_events_) {
    for (const TaskModel* member : groups_[id].members) {
      if (!member->ever_final) fail(*member, "has never ended, and its group is resolved");
    }
  }
  for (TaskModel* t : changed_) {
    if (t->disk.visible && !std::exchange(t->was_visible, true)) {
      groups_[t->disk.group].members.push_back(t);
    }
  }
  changed_.clear();
  group_events_.clear();
}

// Rows and events are of one transaction: neither is without the other.
void Model::check_events(const TaskModel& t) {
  if (!t.disk.visible) {
    if (t.defined > 0 && !t.was_visible) fail(t, "has events and is not on disk");
    return;
  }
  if (t.defined == 0) fail(t, "task-defined is missing");
  if (t.events.size() > t.disk.runs.size()) return fail(t, "has events of a run not on disk");
  for (std::size_t i = 0; i < t.disk.runs.size(); ++i) {
    const RunOnDisk& run = t.disk.runs[i];
    const RunEvents none;
    const RunEvents& events = i < t.events.size() ? t.events[i] : none;
    const bool later = i + 1 == t.disk.runs.size() && t.disk.deadline_event_due;
    if ((events.pending > 0) != (run.created != Created::EXCEPTION)) {
      fail(t, "task-pending and " + run_text(i) + " do not agree");
    }
    if ((events.running > 0) != (run.token != 0)) {
      fail(t, "task-running and " + run_text(i) + " do not agree");
    }
    // A repeated claimTask says it again.
    if (events.running > 1 && !run.by_name)
      fail(t, "task-running of " + run_text(i) + " comes twice");
    if ((events.ended > 0) == run.open() && !later) {
      fail(t, "the end of " + run_text(i) + " and its event do not agree");
    }
    if (events.ended > 0 && events.outcome != run.state) {
      fail(t, "the event of the end of " + run_text(i) + " names another outcome");
    }
  }
}

// The first run comes by command, or when nothing holds the task back any more.
void Model::check_scheduled(const TaskModel& t) {
  const bool by_itself = t.disk.visible && !t.disk.runs.empty() &&
                         t.disk.runs[0].created == Created::SCHEDULED && t.schedules_sent == 0;
  if (!by_itself) return;
  const test::NewTask* definition = accepted_definition(t);
  if (definition == nullptr) return;
  for (const std::string& need : definition->needs) {
    const TaskModel* needed = find(need);
    const bool satisfied = needed != nullptr && (definition->requirement == Requires::ALL_COMPLETED
                                                     ? needed->ever_completed
                                                     : needed->ever_final);
    if (!satisfied) fail(t, "was scheduled before " + need + " had ended as asked");
  }
  if (definition->hold && groups_[t.disk.group].releases_sent == 0) {
    fail(t, "was scheduled though it is held");
  }
}

void Model::check_timers(const TaskModel& t, const Snapshot& snapshot) {
  if (!t.disk.visible) return;
  const auto set = [&](const char* name) {
    const std::string key = KeyWriter().text(name).prefix();
    return own_row(snapshot, tables::timers_of, t.disk.number, key).has_value();
  };
  if (!set("expire")) fail(t, "has no timer for its expiry");
  if (t.disk.resolved()) return;
  if (!set("deadline")) fail(t, "has no timer for its deadline");
  const bool late = t.disk.deadline < latest_;  // the deadline's timer ends it
  if (t.disk.state() == State::RUNNING && !late && !set("claim")) {
    fail(t, "has no timer for its claim");
  }
}

}  // namespace troupe::sim
