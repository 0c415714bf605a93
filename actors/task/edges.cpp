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

Edge read_edge(const Bytes& row) {
  Stored<schema::EdgeRow> stored(row);
  const auto edge = stored.get();
  return {edge.getRequires(), Instant{edge.getExpires()}, edge.getSatisfied(), edge.getSince()};
}

// Whether what is told concerns this dependent. An end that was there before it asked does not: it
// was told then how things stood, and waits for what comes after.
bool is_news(const Telling& telling, const Edge& edge) {
  const bool any = edge.requirement == Requires::ALL_RESOLVED;
  return (any ? telling.ended : telling.completed) > edge.since;
}

// Runs whose ends have come too early for who asks now.
std::uint32_t ended_runs(const TaskState& s) {
  const auto runs = static_cast<std::uint32_t>(s.runs.size());
  return runs == 0 || s.is_resolved() ? runs : runs - 1;
}

void tell_group(Transition& t) {
  t.next.telling->told_group = true;
  send_to_group(t, [](schema::TaskGroupMessage::Builder m) { m.setMemberResolved(); });
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
    Edge row = read_edge(edge.value);
    const bool tell = !row.satisfied && row.expires > in.now() && is_news(telling, row);
    if (!tell) continue;
    if (&edge == &edges.back() && planted(Bug::lose_wake_up)) continue;
    row.satisfied = true;
    put_row(t, tables::task_edges, edge.key, edge_row(row));
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

void start_telling(Transition& t, const Input& in, Telling telling) {
  t.next.telling = std::move(telling);
  tell_slice(t, in);
}

}  // namespace

Bytes edge_row(const Edge& edge) {
  return build<schema::EdgeRow>([&edge](schema::EdgeRow::Builder row) {
    row.setRequires(edge.requirement);
    row.setExpires(edge.expires.ms);
    row.setSatisfied(edge.satisfied);
    row.setSince(edge.since);
  });
}

void begin_telling(Transition& t, const Input& in, bool deadline_event) {
  const bool completed = t.next.state() == schema::TaskState::COMPLETED;
  const auto runs = static_cast<std::uint32_t>(t.next.runs.size());
  if (!t.next.telling) {
    start_telling(t, in,
                  {.ended = runs,
                   .completed = completed ? runs : 0,
                   .cursor = {},
                   .deadline_event = deadline_event});
    return;
  }
  // Rerun and ended again before all were told of the first end. Each end counts, whatever comes
  // after it: those that are still to be told hear of all of them at once.
  Telling& telling = *t.next.telling;
  telling.again = true;
  telling.ended = runs;
  if (completed) telling.completed = runs;
  telling.deadline_event = telling.deadline_event || deadline_event;
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
            edge_row({m.getRequires(), Instant{m.getExpires()}, satisfied, ended_runs(s)}));
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
    // Not as the task is now: it may have been rerun since. The deadline's message still comes
    // last.
    start_telling(t, in,
                  {.ended = done.ended,
                   .completed = done.completed,
                   .cursor = {},
                   .deadline_event = done.deadline_event});
  } else if (done.deadline_event) {
    const auto last = static_cast<std::uint32_t>(s.runs.size() - 1);
    t.effects.events.push_back(task_ended(s, last));
  }
  return t;
}

}  // namespace troupe::task
