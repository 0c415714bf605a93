// The end of a task: some time after it has expired its rows are removed, slice by slice, the state
// last; from the first slice on nobody finds it. Then its id is free again, and its group is told.
// Source: spec/queue.md, section 14.
#include "actors/task/codec.h"
#include "actors/task/handlers.h"
#include "runtime/store/key.h"

namespace troupe::task {
namespace {

// For a task that is not at rest when it is over: a clock that was set may bring its end, and what
// follows from that, together with its expiry.
constexpr Duration again_after{60 * 1'000};

void set_expiry_timer(Transition& t, Instant due) {
  t.effects.timers.push_back({expiry_timer, due, 0, false});
}

bool is_at_rest(const TaskState& s) {
  return s.visible() && s.is_resolved() && !s.telling && s.repeats.empty() &&
         s.until_stored.empty();
}

// Rows of a table; answers how many of `most` are left to do.
std::size_t remove_rows(Transition& t, const TableSpec& table, std::size_t most, const Input& in) {
  if (most == 0) return 0;
  const auto rows = in.context.rows.scan(table.id, "", "", most);
  for (const auto& row : rows) delete_row(t, table, row.key);
  return most - rows.size();
}

// The tasks that this one needs forget it.
std::size_t remove_needs(Transition& t, std::size_t most, const Input& in) {
  if (most == 0) return 0;
  const auto needs = in.context.rows.scan(tables::task_needs.id, "", "", most);
  for (const auto& need : needs) {
    delete_row(t, tables::task_needs, need.key);
    send_to_task(t, std::string(KeyReader(need.key).text()),
                 [](M::Builder m) { m.setRemoveEdge(); });
  }
  return most - needs.size();
}

std::size_t remove_artifacts(Transition& t, std::size_t most, const Input& in) {
  const auto rows = in.context.rows.scan(tables::task_artifacts.id, "", "", most);
  for (const auto& row : rows) remove_artifact_row(t, row);
  return most - rows.size();
}

void remove_slice(Transition& t, const Input& in) {
  std::size_t left = remove_artifacts(t, slice_max, in);
  left = remove_rows(t, tables::task_edges, left, in);
  left = remove_needs(t, left, in);
  left = remove_rows(t, tables::task_requests, left, in);
  if (left == 0) {
    send_to_task(t, t.next.task_id, [](M::Builder m) { m.setContinueExpiry(); });
    return;
  }
  send_to_group(t, [](schema::TaskGroupMessage::Builder m) { m.setMemberExpired(); });
  end_or_create_next(t, in);
}

}  // namespace

Result<Transition> on_expiry_due(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  if (!s.exists || s.expiring) return t;
  const Instant due = s.expires + in.config.expiration_delay;
  if (in.now() < due) {  // the clock has been set back meanwhile
    set_expiry_timer(t, due);
  } else if (!is_at_rest(s)) {
    set_expiry_timer(t, in.now() + again_after);
  } else {
    t.next.expiring = true;
    remove_slice(t, in);
  }
  return t;
}

// To a task that is not being removed it is a command, at the server's start: an earlier program
// may have made the task, which knew of no expiry and told nobody of blobs.
Result<Transition> on_continue_expiry(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  if (s.expiring) {
    remove_slice(t, in);
  } else if (s.visible()) {
    if (!s.adopted_to) set_expiry_timer(t, s.expires + in.config.expiration_delay);
    adopt_slice(t, in);
  }
  if (in.reply_to) t.effects.replies.push_back({in.reply_to, Bytes{}, false});
  return t;
}

}  // namespace troupe::task
