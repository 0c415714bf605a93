// Changes of all members: cancelTaskGroup and changeTaskGroupPriority. Each member decides for
// itself, and its change is there at once. A sweep that is under way goes on after a restart, since
// the answers that it waits for do; a command that asks for the same attaches to it, and has all
// members looked at once more, another waits for its turn. Source: spec/queue.md, sections 5.3
// and 6.
#include "actors/each_row.h"
#include "actors/task_group/handlers.h"
#include "runtime/store/key.h"
#include "runtime/transcode/json.h"

#include <algorithm>
#include <vector>

namespace troupe::task_group {
namespace {

using schema::GroupSweep;

void go_on(Transition& t, const Context& context) {
  t.effects.sends.push_back({context.self, build<M>([](M::Builder m) { m.setContinueSweep(); })});
}

// All that the sweep has changed, in the order of their ids.
std::vector<std::string> swept_tasks(const Rows& rows) {
  std::vector<std::string> ids;
  each_row(rows, tables::group_swept.id, "",
           [&ids](const std::string& key, WordSpan) { ids.emplace_back(KeyReader(key).text()); });
  return ids;
}

template <class List>
void fill_ids(const std::vector<std::string>& ids, List list) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, text(ids[i]));
}

Bytes cancelled(const GroupState& s, const std::vector<std::string>& ids) {
  return build<schema::CancelledTaskGroup>([&](schema::CancelledTaskGroup::Builder answer) {
    answer.setTaskGroupId(text(s.task_group_id));
    answer.setTaskGroupSize(s.members);
    answer.setCancelledCount(ids.size());
    fill_ids(ids, answer.initTaskIds(static_cast<unsigned>(ids.size())));
  });
}

Bytes reprioritised(const GroupState& s, const std::vector<std::string>& ids) {
  return build<schema::TaskGroupPriority>([&](schema::TaskGroupPriority::Builder answer) {
    answer.setTaskGroupId(text(s.task_group_id));
    answer.setSchedulerId(text(s.scheduler_id));
    answer.setNewPriority(s.sweep->priority);
    answer.setTasksAffected(ids.size());
    fill_ids(ids, answer.initTaskIds(static_cast<unsigned>(ids.size())));
  });
}

Event priority_changed(const GroupState& s, std::size_t affected) {
  return group_event(s, "task-group-priority-changed", [&](JsonWriter& json) {
    json.key("newPriority").string(enum_name(s.sweep->priority));
    json.key("tasksAffected").uint64(affected);
  });
}

// Answers all who asked for this. Its rows go in slices, then the next may begin.
void finish(Transition& t, const Context& context) {
  const Sweep done = *t.next.sweep;
  const auto ids = swept_tasks(context.rows);
  if (done.what == GroupSweep::PRIORITY) {
    t.effects.events.push_back(priority_changed(t.next, ids.size()));
  }
  const Bytes answer =
      done.what == GroupSweep::CANCEL ? cancelled(t.next, ids) : reprioritised(t.next, ids);
  std::erase_if(t.next.sweep_callers, [&](const SweepCaller& caller) {
    if (!caller.wanted.same_as(done)) return false;
    t.effects.replies.push_back({caller.to, answer, false});
    return true;
  });
  t.next.sweep.reset();
  go_on(t, context);
}

void ask_member(Transition& t, std::string id) {
  const Sweep& sweep = *t.next.sweep;
  tell_task(t, std::move(id), [&sweep](schema::TaskMessage::Builder m) {
    if (sweep.what == GroupSweep::CANCEL) {
      m.setCancelMember();
    } else {
      m.setChangeMemberPriority(sweep.priority);
    }
  });
}

// The next members; without any the sweep is over.
void ask_slice(Transition& t, const Context& context) {
  Sweep& sweep = *t.next.sweep;
  auto members = context.rows.scan(tables::group_members.id, "", sweep.cursor, slice_max);
  if (members.empty() && std::exchange(t.next.sweep_again, false)) {
    sweep.cursor.clear();
    members = context.rows.scan(tables::group_members.id, "", "", slice_max);
  }
  for (const auto& member : members) {
    sweep.cursor = member.key;
    sweep.waiting += 1;
    ask_member(t, std::string(KeyReader(member.key).text()));
  }
  if (members.empty()) finish(t, context);
}

// Removes what the last sweep has left. Once nothing is, the next caller's may begin.
void clear_slice(Transition& t, const Context& context) {
  const auto left = context.rows.scan(tables::group_swept.id, "", "", slice_max);
  for (const auto& row : left) {
    t.effects.rows.push_back({tables::group_swept.id, row.key, std::nullopt});
  }
  if (!left.empty()) {
    go_on(t, context);
  } else if (!t.next.sweep_callers.empty()) {
    t.next.sweep = t.next.sweep_callers.front().wanted;
    ask_slice(t, context);
  }
}

Result<Transition> begin_sweep(const GroupState& s,
                               const Sweep& wanted,
                               const Message& message,
                               const Context& context) {
  Transition t{s, {}};
  // With others before it, somebody is on the way to begin the next.
  const bool first = s.sweep_callers.empty() && !s.sweep;
  t.next.sweep_callers.push_back({message.reply_to, wanted});
  // It may have passed members that have joined since.
  if (s.sweep && s.sweep->same_as(wanted)) t.next.sweep_again = true;
  if (first) clear_slice(t, context);
  return t;
}

}  // namespace

Result<Transition> on_cancel(const GroupState& s, const Message& message, const Context& context) {
  if (!s.exists) return no_group(context);
  if (!s.sealed) {
    return Error{Errc::conflict,
                 "task group " + s.task_group_id + " is not sealed: seal it before cancelling it"};
  }
  return begin_sweep(s, {GroupSweep::CANCEL}, message, context);
}

Result<Transition> on_change_priority(const GroupState& s,
                                      schema::Priority to,
                                      const Message& message,
                                      const Context& context) {
  if (!s.exists) return no_group(context);
  return begin_sweep(s, {GroupSweep::PRIORITY, to}, message, context);
}

Result<Transition> on_sweep_answer(const GroupState& s,
                                   bool changed,
                                   const Message& message,
                                   const Context& context) {
  Transition t{s, {}};
  if (!s.sweep || s.sweep->waiting == 0) return t;
  if (changed) {
    t.effects.rows.push_back(
        {tables::group_swept.id, KeyWriter().text(message.from.key).prefix(),
         build<schema::SweptRow>([](schema::SweptRow::Builder row) { row.setPresent(); })});
  }
  t.next.sweep->waiting -= 1;
  // The next slice once this one is on disk.
  if (t.next.sweep->waiting == 0) go_on(t, context);
  return t;
}

Result<Transition> on_continue_sweep(const GroupState& s, const Context& context) {
  Transition t{s, {}};
  if (!s.sweep) {
    clear_slice(t, context);
  } else if (s.sweep->waiting == 0) {
    ask_slice(t, context);
  }
  return t;
}

}  // namespace troupe::task_group
