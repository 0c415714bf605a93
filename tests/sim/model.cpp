#include "tests/sim/model.h"

#include "actors/kinds.h"

#include <algorithm>
#include <utility>

namespace troupe::sim {

const char* to_text(Verb verb) {
  switch (verb) {
    case Verb::create: return "create";
    case Verb::schedule: return "schedule";
    case Verb::rerun: return "rerun";
    case Verb::cancel: return "cancel";
    case Verb::change_priority: return "change priority";
    case Verb::claim_by_name: return "claim by name";
    case Verb::reclaim: return "reclaim";
    case Verb::resolve: return "resolve";
    case Verb::put_artifact: return "put artifact";
    case Verb::store_blob: return "store blob";
    case Verb::finish_artifact: return "finish artifact";
    case Verb::seal: return "seal";
    case Verb::release: return "release";
    case Verb::cancel_group: return "cancel group";
    case Verb::change_group_priority: return "change group priority";
    case Verb::connect: return "connect";
    case Verb::await: return "await";
    case Verb::leave: return "leave";
    case Verb::disconnect: return "disconnect";
    case Verb::farewell: return "farewell";
    case Verb::claim_work: return "claim work";
    case Verb::stop_waiting: return "stop waiting";
    case Verb::declare: return "declare";
    case Verb::quarantine: return "quarantine";
  }
  return "?";
}

TaskModel* Model::find(const std::string& id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

TaskModel& Model::task(const std::string& id) {
  auto [found, fresh] = tasks_.try_emplace(id);
  if (fresh) {
    found->second.id = id;
    order_.push_back(&found->second);
  }
  return found->second;
}

void Model::fail(const TaskModel& task, const std::string& what) {
  if (task.reborn) return;
  violation("task " + task.id + ": " + what);
}

int Model::define(const std::string& id, const test::NewTask& definition) {
  TaskModel& t = task(id);
  t.variants.push_back(definition);
  return static_cast<int>(t.variants.size()) - 1;
}

const test::NewTask* Model::accepted_definition(const TaskModel& t) const {
  const auto variant = static_cast<std::size_t>(t.disk.variant);
  return variant < t.variants.size() ? &t.variants[variant] : nullptr;
}

void Model::sent(Command& command) {
  if (command.to.kind == kinds::task_group) {
    GroupModel& group = groups_[command.to.key];
    if (command.verb == Verb::seal) group.seals_sent += 1;
    if (command.verb == Verb::release) group.releases_sent += 1;
    if (command.verb == Verb::cancel_group) group.cancels_sent += 1;
    if (command.verb == Verb::change_group_priority) {
      group.priority_changes_sent += 1;
      group.priorities.insert(command.priority);
    }
    for (const TaskModel* member : group.members) command.known.insert(member->id);
    return;
  }
  if (command.to.kind != kinds::task) return;
  TaskModel& t = task(command.to.key);
  command.after_creation = t.creates_accepted > 0;
  if (command.told) t.told_artifacts[command.claim.run].sent += 1;
  switch (command.verb) {
    case Verb::create: {
      if (t.creates_sent == 0) t.behind = newest_entry_;
      t.creates_sent += 1;
      const auto& definition = t.variants.at(static_cast<std::size_t>(command.variant));
      const auto group = groups_.find(definition.group.empty() ? t.id : definition.group);
      const bool sealed = group != groups_.end() && group->second.seals_accepted > 0;
      // A repeat may attach to a creation that came before the seal.
      command.after_seal = t.sealed_before.try_emplace(command.variant, sealed).first->second;
      return;
    }
    case Verb::schedule: t.schedules_sent += 1; return;
    case Verb::rerun: t.reruns_sent += 1; return;
    case Verb::cancel: t.cancels_sent += 1; return;
    case Verb::change_priority:
      t.priority_changes_sent += 1;
      t.priorities.insert(command.priority);
      return;
    case Verb::resolve: {
      const auto same = [&](const SentReport& r) {
        return r.claim.run == command.claim.run && r.claim.token == command.claim.token &&
               r.report.outcome == command.report.outcome &&
               r.report.reason == command.report.reason;
      };
      const auto known = std::ranges::find_if(t.reports, same);
      if (known != t.reports.end()) {
        known->sent += 1;
      } else {
        t.reports.push_back({command.claim, command.report, 1, 0});
      }
      return;
    }
    default: return;
  }
}

void Model::clock_is(Instant wall, Duration elapsed) {
  const Duration step = (wall - wall_) - (elapsed - elapsed_);
  if (wall_ != Instant{} && step != Duration{0}) {
    stepped_ = true;
    if (step < Duration{0}) set_back_ += -step;
  }
  wall_ = wall;
  elapsed_ = elapsed;
  latest_ = std::max(latest_, wall);
}

// As a handler leaves the row: only now it is known what time its clock showed.
void Model::note_claim(const std::string& id, const TaskOnDisk& changed) {
  for (std::size_t i = 0; i < changed.runs.size(); ++i) {
    const RunOnDisk& run = changed.runs[i];
    if (run.token == 0) continue;
    const auto key = std::tuple(id, i, run.taken_until);
    if (run.state == State::RUNNING) {
      claim_ends_.emplace(key, elapsed_ + (Instant{run.taken_until} - wall_));
    } else if (run.reason == Reason::CLAIM_EXPIRED && run.resolved == wall_.ms) {
      const auto end = claim_ends_.find(key);
      if (end == claim_ends_.end() || elapsed_ < end->second) {
        violation("task " + id + ": its claim of run " + std::to_string(i) + " had not expired");
      }
    }
  }
}

bool Model::has_expired(const std::string& id, const TaskOnDisk& disk, std::size_t run) const {
  const auto end = claim_ends_.find({id, run, disk.runs[run].taken_until});
  return end != claim_ends_.end() && end->second < elapsed_;
}

void Model::touched(const std::string& id, std::optional<Bytes> row) {
  TaskModel& t = task(id);
  if (row) {
    const TaskOnDisk now = decode_task(0, row->words());
    note_claim(id, now);
    if (t.going && !now.expiring) note_end(t);  // somebody has waited for its id
    check_age(t, now);
    t.reborn = t.reborn || t.removed;
    t.complete = now.visible || now.expiring;
    t.going = now.expiring;
    t.over = now.resolved() && !now.telling;
    if (now.expiring) check_removal(t, now.expires);
    t.expires = now.expires;
  } else {
    t.going = false;
    if (std::exchange(t.complete, false)) note_end(t);
  }
  dirty_.insert_or_assign(id, std::move(row));
}

// Its rows are gone, as handlers leave them.
void Model::note_end(TaskModel& t) {
  t.removed = true;
  check_removal(t, t.expires);
  // All its life was in one batch, of which only the end is looked at.
  if (!t.was_visible) t.reborn = true;
  handed_.erase(handed_.lower_bound({t.id, 0}), handed_.upper_bound({t.id, UINT32_MAX}));
}

// Who asks later waits behind: the entry of a run is younger than all that were there when its task
// was first asked for; that of a retry, than all that were there when the lost run was claimed.
void Model::check_age(TaskModel& t, const TaskOnDisk& now) {
  for (std::size_t i = 0; i < now.runs.size(); ++i) {
    const RunOnDisk& run = now.runs[i];
    if (run.token != 0) t.behind_claim.try_emplace(run.token, newest_entry_);
    if (run.entry == 0 || !t.entries.insert({i, run.entry}).second) continue;
    const bool retry = run.created == Created::RETRY || run.created == Created::TASK_RETRY;
    const auto lost = retry ? t.behind_claim.find(now.runs[i - 1].token) : t.behind_claim.end();
    if (run.entry <= (lost == t.behind_claim.end() ? t.behind : lost->second)) {
      fail(t, "run " + std::to_string(i) + " comes before runs that waited before it");
    }
    newest_entry_ = std::max(newest_entry_, run.entry);
  }
}

// It may go when it is over, and has expired: not before.
void Model::check_removal(const TaskModel& t, Instant expires) {
  if (!t.over || latest_ < expires + terms_.expiration_delay) fail(t, "is removed too early");
}

void Model::handed(const std::string& worker, int index, const test::Held& held) {
  TaskModel* t = find(held.task_id);
  // It has ended and expired while the word was on its way.
  if (t != nullptr && t->was_visible && !t->disk.visible) return;
  const bool on_disk = t != nullptr && held.run_id < t->disk.runs.size() &&
                       t->disk.runs[held.run_id].token == held.token && held.token != 0 &&
                       worker == t->disk.queue + "/" + t->disk.runs[held.run_id].worker;
  if (!on_disk && (t == nullptr || !t->reborn)) {
    violation("worker " + worker + " was handed run " + std::to_string(held.run_id) + " of " +
              held.task_id + ", which is not its on disk");
  }
  const auto [known, fresh] =
      handed_.try_emplace({held.task_id, held.run_id}, Handed{held.token, index});
  const bool same = known->second.token == held.token && known->second.worker == index;
  if (!fresh && !same) {
    violation("run " + std::to_string(held.run_id) + " of " + held.task_id +
              " was handed out twice: now to " + worker);
  }
}

void Model::denied(const std::string& worker, const test::Held& held) {
  const TaskModel* t = find(held.task_id);
  if (t == nullptr || held.run_id >= t->disk.runs.size()) return;
  const RunOnDisk& run = t->disk.runs[held.run_id];
  const bool live = run.state == State::RUNNING && run.token == held.token &&
                    worker == t->disk.queue + "/" + run.worker;
  if (live) fail(*t, "worker " + worker + " was denied a claim that lives");
}

}  // namespace troupe::sim
