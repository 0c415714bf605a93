// Edges of the graph. A required task keeps a row for each dependent, a dependent one for each task
// it needs; once satisfied they stay so. A task that has ended tells its dependents slice by slice,
// then its group; a deadline's message comes after that. Source: spec/queue.md, section 4.
#include "actors/task/codec.h"
#include "actors/task/events.h"
#include "actors/task/handlers.h"
#include "runtime/base/planted.h"
#include "runtime/store/key.h"

namespace troupe::task {
namespace {

using schema::EdgeResult;
using schema::Requires;

bool ended_as_asked(bool completed, Requires requirement) {
  return completed || requirement == Requires::ALL_RESOLVED;
}

void tell_group(Transition& t) {
  t.next.telling->told_group = true;
  send_to_group(t, [](schema::TaskGroupMessage::Builder m) { m.setMemberResolved(); });
}

Bytes edge_row(Requires requirement, std::int64_t expires, bool satisfied) {
  return build<schema::EdgeRow>([&](schema::EdgeRow::Builder row) {
    row.setRequires(requirement);
    row.setExpires(expires);
    row.setSatisfied(satisfied);
  });
}

// Each wakes an actor, whose answer and pending entry follow: fewer at once than other slices.
constexpr std::size_t dependents_at_once = 32;

void go_on_telling(Transition& t) {
  send_to_task(t, t.next.task_id, [](M::Builder m) { m.setContinueDependents(); });
}

// Tells the next dependents; when none is left, the group.
void tell_slice(Transition& t, const Input& in) {
  Telling& telling = *t.next.telling;
  const auto edges =
      in.context.rows.scan(tables::task_edges.id, "", telling.cursor, dependents_at_once);
  for (const auto& edge : edges) {
    telling.cursor = edge.key;
    Stored<schema::EdgeRow> stored(edge.value);
    const auto row = stored.get();
    const bool tell = !row.getSatisfied() && Instant{row.getExpires()} > in.now() &&
                      ended_as_asked(telling.completed, row.getRequires());
    if (!tell) continue;
    if (&edge == &edges.back() && planted(Bug::lose_wake_up)) continue;
    put_row(t, tables::task_edges, edge.key, edge_row(row.getRequires(), row.getExpires(), true));
    telling.waiting += 1;
    const std::string dependent(KeyReader(edge.key).text());
    send_to_task(t, dependent, [](M::Builder m) { m.setSatisfied(); });
  }
  if (telling.waiting > 0) return;
  if (edges.size() < dependents_at_once) {
    tell_group(t);
  } else {
    go_on_telling(t);
  }
}

void start_telling(Transition& t, const Input& in, bool deadline_event) {
  Telling telling;
  telling.completed = t.next.state() == schema::TaskState::COMPLETED;
  telling.deadline_event = deadline_event;
  t.next.telling = telling;
  tell_slice(t, in);
}

}  // namespace

void begin_telling(Transition& t, const Input& in, bool deadline_event) {
  if (!t.next.telling) {
    start_telling(t, in, deadline_event);
    return;
  }
  // Rerun and ended again before all were told of the first end.
  t.next.telling->again = true;
  t.next.telling->deadline_event = t.next.telling->deadline_event || deadline_event;
}

Result<Transition> on_add_edge(const TaskState& s, M::AddEdge::Reader m, const Input& in) {
  Transition t = begin(s);
  EdgeResult result = EdgeResult::MISSING;
  if (s.visible()) {
    const bool satisfied =
        s.is_resolved() &&
        ended_as_asked(s.state() == schema::TaskState::COMPLETED, m.getRequires());
    result = satisfied ? EdgeResult::SATISFIED : EdgeResult::NOT_YET;
    put_row(t, tables::task_edges, edge_key(in.from.key),
            edge_row(m.getRequires(), m.getExpires(), satisfied));
  }
  send_to_task(t, in.from.key, [&](M::Builder answer) {
    auto edge = answer.initEdgeAnswer();
    edge.setResult(result);
    edge.setExpires(s.expires.ms);
  });
  return t;
}

Result<Transition> on_remove_edge(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  if (s.exists) delete_row(t, tables::task_edges, edge_key(in.from.key));
  return t;
}

Result<Transition> on_satisfied(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  const std::string key = edge_key(in.from.key);
  const auto need = s.exists ? in.context.rows.get(tables::task_needs.id, key) : std::nullopt;
  if (need && !Stored<schema::NeedRow>(*need).get().getSatisfied()) {
    TROUPE_INVARIANT(s.unsatisfied > 0);
    t.next.unsatisfied -= 1;
    put_row(t, tables::task_needs, key,
            build<schema::NeedRow>([](schema::NeedRow::Builder row) { row.setSatisfied(true); }));
    schedule_if_ready(t, in);
  }
  send_to_task(t, in.from.key, [](M::Builder answer) { answer.setSatisfiedAnswer(); });
  return t;
}

Result<Transition> on_satisfied_answer(const TaskState& s, const Input&) {
  Transition t = begin(s);
  if (!s.telling || s.telling->waiting == 0) return t;
  t.next.telling->waiting -= 1;
  // The next slice once this one is on disk.
  if (t.next.telling->waiting == 0) go_on_telling(t);
  return t;
}

Result<Transition> on_continue_dependents(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  const bool mine = s.telling && s.telling->waiting == 0 && !s.telling->told_group;
  if (mine) tell_slice(t, in);
  return t;
}

Result<Transition> on_group_told(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  if (!s.telling) return t;
  t.next.ever_resolved = true;
  const Telling done = *s.telling;
  t.next.telling.reset();
  if (done.again) {
    start_telling(t, in, done.deadline_event);  // its message still comes last
  } else if (done.deadline_event) {
    const auto last = static_cast<std::uint32_t>(s.runs.size() - 1);
    t.effects.events.push_back(task_ended(s, last));
  }
  return t;
}

}  // namespace troupe::task
