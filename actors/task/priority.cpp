// Who is claimed first: changes of a task's priority. A pending entry moves with it and keeps its
// age. Source: spec/queue.md, section 6.
#include "actors/task/events.h"
#include "actors/task/handlers.h"
#include "runtime/transcode/json.h"

namespace troupe::task {
namespace {

void set_priority(Transition& t, schema::Priority to) {
  const schema::Priority from = t.next.priority;
  t.next.priority = to;
  if (t.next.state() != schema::TaskState::PENDING) return;
  send_to_queue(t, [&](schema::TaskQueueMessage::Builder m) {
    auto entry = m.initMoveEntry();
    entry.setMovedFrom(from);
    entry.setMovedNumber(t.next.runs.back().entry);
    entry.setMovedTo(to);
  });
  t.next.entry_answers += 1;
}

}  // namespace

Result<Transition> on_change_priority(const TaskState& s, schema::Priority to, const Input& in) {
  if (!s.visible()) return Error{Errc::not_found, "no task " + in.context.self.key};
  if (s.deadline <= in.now()) {
    return Error{Errc::conflict, "the deadline of task " + s.task_id + " has passed"};
  }
  // Once it has ended it keeps its priority, although it may have been rerun since.
  if (s.has_ended()) {
    return Error{Errc::conflict,
                 "task " + s.task_id +
                     (s.is_resolved() ? " has ended, so its priority stays"
                                      : " has ended before, and keeps its priority when rerun")};
  }
  if (s.priority == to) {
    return Error{Errc::conflict,
                 "task " + s.task_id + " has priority " + enum_name(to) + " already"};
  }
  Transition t = begin(s);
  set_priority(t, to);
  t.effects.events.push_back(task_priority_changed(t.next, s.priority));
  if (s.state() == schema::TaskState::PENDING) {
    reply_when_stored(t, in.reply_to, static_cast<std::uint32_t>(s.runs.size() - 1));
  } else {
    reply_status(t, in.reply_to);
  }
  return t;
}

Result<Transition> on_change_member_priority(const TaskState& s,
                                             schema::Priority to,
                                             const Input& in) {
  Transition t = begin(s);
  const bool change = s.visible() && s.deadline > in.now() && !s.has_ended() && s.priority != to;
  if (change) set_priority(t, to);
  answer_sweep(t, in, change);
  return t;
}

}  // namespace troupe::task
