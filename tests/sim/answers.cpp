// What an answer promises: that it is on disk (invariant 1), and that it is true.
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"
#include "tests/sim/model.h"

#include <algorithm>

namespace troupe::sim {
namespace {

constexpr Duration skew_max{15 * 60 * 1000};

std::uint8_t progress(State state) {
  switch (state) {
    case State::UNSCHEDULED: return 0;
    case State::PENDING: return 1;
    case State::RUNNING: return 2;
    case State::COMPLETED:
    case State::FAILED:
    case State::EXCEPTION: return 3;
  }
  return 0;
}

bool of_task(Verb verb) {
  switch (verb) {
    case Verb::create:
    case Verb::schedule:
    case Verb::rerun:
    case Verb::cancel:
    case Verb::change_priority:
    case Verb::claim_by_name:
    case Verb::reclaim:
    case Verb::resolve: return true;
    default: return false;
  }
}

}  // namespace

void Model::answered(const Command& command, const Result<Bytes>& answer, Host& host) {
  if (!answer.ok()) {
    check_refused(command, answer.error());
    return;
  }
  if (!command.honest) {
    violation(std::string(to_text(command.verb)) + " of " + command.to.key +
              " was accepted, and its sender holds no such claim");
    return;
  }
  if (of_task(command.verb)) check_status(command, answer.value());
  check_accepted(command, answer.value(), host);
}

// The status is the disk's, or an earlier one.
void Model::check_status(const Command& command, const Bytes& answer) {
  TaskModel& t = task(command.to.key);
  const std::string what = std::string("the answer to ") + to_text(command.verb) + " ";
  if (!t.disk.visible) {
    if (!t.was_visible) fail(t, what + "was let go, and there is no such task on disk");
    return;
  }
  Stored<schema::TaskStatus> stored(answer);
  const auto runs = stored.get().getRuns();
  if (runs.size() > t.disk.runs.size()) {
    fail(t, what + "has a run that is not on disk");
    return;
  }
  for (unsigned i = 0; i < runs.size(); ++i) {
    const RunOnDisk& disk = t.disk.runs[i];
    const auto said = runs[i].getState();
    const bool there = progress(said) <= progress(disk.state) &&
                       (progress(said) < 3 || said == disk.state) &&
                       runs[i].getTakenUntil() <= disk.taken_until + set_back_.count();
    if (!there) fail(t, what + "shows run " + std::to_string(i) + " as it is not on disk");
  }
}

void Model::check_accepted(const Command& command, const Bytes& answer, Host& host) {
  if (command.to.kind == kinds::task_group) {
    return check_group_answer(command, answer, host);
  }
  if (command.to.kind != kinds::task) return;
  TaskModel& t = task(command.to.key);
  if (command.told) t.told_artifacts[command.claim.run].accepted += 1;
  if (t.was_visible && !t.disk.visible) return;  // it has expired since
  const auto run = command.claim.run;
  const bool has_run = run < t.disk.runs.size();
  switch (command.verb) {
    case Verb::create:
      t.creates_accepted += 1;
      if (t.disk.variant != command.variant) fail(t, "two definitions were accepted");
      if (command.after_seal && !groups_[t.disk.group].was_removed)
        fail(t, "joined a group that was sealed before");
      return;
    case Verb::schedule:
    case Verb::rerun:
      if (t.disk.runs.empty()) fail(t, "has no run though it was scheduled");
      return;
    case Verb::cancel: {
      Stored<schema::TaskStatus> stored(answer);
      const auto runs = stored.get().getRuns();
      const auto last = runs.size() - 1;
      const bool canceled = runs.size() > 0 && runs[last].getReasonResolved() == Reason::CANCELED;
      if (canceled) t.cancels_accepted[last] += 1;
      if (runs.size() == 0 || progress(runs[last].getState()) < 3) {
        fail(t, "was cancelled and is not resolved");
      }
      return;
    }
    case Verb::change_priority:
      t.priority_changes_accepted += 1;
      if (t.priority_events < t.priority_changes_accepted) {
        fail(t, "fewer task-priority-changed than accepted changes");
      }
      return;
    case Verb::claim_by_name:
      if (!has_run || t.disk.runs[run].token == 0) fail(t, "was claimed by name, by nobody");
      return;
    case Verb::reclaim:
      if (!has_run || t.disk.runs[run].token != command.claim.token) {
        fail(t, "was reclaimed by somebody who does not hold it");
      }
      return;
    case Verb::resolve: {
      const bool as_told =
          has_run && t.disk.runs[run].token == command.claim.token && !t.disk.runs[run].open();
      if (!as_told) fail(t, "run " + std::to_string(run) + " was resolved, not so on disk");
      for (SentReport& report : t.reports) {
        const bool this_one = report.claim.run == run &&
                              report.claim.token == command.claim.token &&
                              report.report.outcome == command.report.outcome &&
                              report.report.reason == command.report.reason;
        if (this_one) report.accepted += 1;
      }
      return;
    }
    case Verb::put_artifact: return check_artifact(command, host);
    default: return;
  }
}

void Model::check_artifact(const Command& command, Host& host) {
  const TaskModel& t = task(command.to.key);
  const auto snapshot = host.snapshot();
  const std::string key = KeyWriter().u64(command.claim.run).text(command.artifact).prefix();
  if (!own_row(*snapshot, tables::task_artifacts, t.disk.number, key)) {
    fail(t, "artifact " + command.artifact + " was accepted and is not on disk");
  }
}

void Model::check_sealed(const Command& command, Host& host) {
  if (groups_[command.to.key].was_removed) return;
  const auto snapshot = host.snapshot();
  const auto number = find_actor_number(*snapshot, command.to);
  const auto row = own_row(*snapshot, tables::group_state, number);
  if (!row || Stored<schema::TaskGroupRow>(*row).get().getSealed() == 0) {
    violation("group " + command.to.key + " was sealed or cancelled, not sealed on disk");
  }
}

// All who were members then have been asked.
void Model::check_swept(const Command& command, const test::Swept& swept) {
  const GroupModel& group = groups_[command.to.key];
  if (swept.count != swept.tasks.size()) {
    violation("group " + command.to.key + ": the tasks of a sweep are miscounted");
  }
  for (const TaskModel* member : group.members) {
    if (!command.known.contains(member->id) || member->disk.deadline <= latest_) continue;
    if (command.verb == Verb::cancel_group) {
      const bool again = member->reruns_sent > 0;
      if (!again && !member->disk.resolved())
        fail(*member, "is open though its group was cancelled");
      continue;
    }
    const bool alone = group.priorities.size() == 1 && member->priorities.empty();
    if (alone && !member->ever_final && member->disk.priority != command.priority) {
      fail(*member, "has not the priority that its group was given");
    }
  }
}

void Model::check_group_answer(const Command& command, const Bytes& answer, Host& host) {
  GroupModel& group = groups_[command.to.key];
  if (command.verb == Verb::seal) {
    group.seals_accepted += 1;
    if (group.sealed_events < group.seals_accepted) {
      violation("group " + command.to.key + ": fewer task-group-sealed than accepted seals");
    }
    check_sealed(command, host);
  }
  if (command.verb == Verb::cancel_group) {
    check_sealed(command, host);
    check_swept(command, test::cancelled_in(answer));
  }
  if (command.verb == Verb::change_group_priority) {
    if (group.priority_events == 0) {
      violation("group " + command.to.key + ": task-group-priority-changed is missing");
    }
    check_swept(command, test::reprioritised_in(answer));
  }
  if (command.verb == Verb::release) {
    for (const TaskModel* member : group.members) {
      const bool before = command.known.contains(member->id);
      if (before && member->disk.held) fail(*member, "is held though its group was released");
    }
  }
}

// A refusal must not lie: what it says is true of the disk.
void Model::check_refused(const Command& command, const Error& error) {
  if (error.code == Errc::busy || error.code == Errc::unavailable) return;
  const std::string what = std::string(to_text(command.verb)) + " was refused: " + error.detail;
  if (error.code == Errc::internal || error.code == Errc::corrupt) {
    violation(command.to.key + ": " + what);
    return;
  }
  if (command.to.kind != kinds::task) return;
  const TaskModel& t = task(command.to.key);
  const bool gone = t.removed || t.disk.expiring ||
                    (!command.upload.empty() && t.disk.expires <= latest_);  // the artifact
  if (error.code == Errc::not_found && command.after_creation && command.honest && !gone) {
    fail(t, what + ": an acknowledged task is lost");
  }
  if (command.verb == Verb::create) check_refused_create(command, error);
  if (command.verb == Verb::change_priority && error.code == Errc::conflict) {
    // Others may have given it that priority, and taken it again since.
    const bool possible = t.ever_final || t.disk.deadline <= latest_ ||
                          t.disk.priority == command.priority || t.priorities.size() > 1 ||
                          t.priority_changes_sent > 1 || t.variants.size() > 1 ||
                          !groups_[t.disk.group].priorities.empty();
    if (!possible) fail(t, what);
  }
  const bool of_holder = command.verb == Verb::resolve || command.verb == Verb::reclaim;
  if (!of_holder || command.claim.run >= t.disk.runs.size()) return;
  const RunOnDisk& run = t.disk.runs[command.claim.run];
  const bool held = run.state == State::RUNNING && run.token == command.claim.token;
  const bool late = command.verb == Verb::reclaim && t.disk.deadline <= latest_;
  if (held && !late) fail(t, what + ": its sender holds the claim");
}

void Model::check_refused_create(const Command& command, const Error& error) {
  const TaskModel& t = task(command.to.key);
  const auto& definition = t.variants.at(static_cast<std::size_t>(command.variant));
  const auto group = groups_.find(definition.group.empty() ? t.id : definition.group);
  const bool sealing = group != groups_.end() && group->second.seals_sent > 0;
  if (error.code == Errc::conflict) {
    const bool possible =
        t.variants.size() > 1 || sealing || !definition.group.empty() || !t.priorities.empty();
    if (!possible) fail(t, "create was refused: " + error.detail);
  }
  if (error.code == Errc::invalid) {
    const bool possible = !definition.needs.empty() || definition.deadline < latest_ ||
                          definition.created < latest_ - skew_max || stepped_;
    if (!possible) fail(t, "create was refused: " + error.detail);
  }
}

}  // namespace troupe::sim
