// Commands that start and stop runs, and what the deadline does. Source: spec/queue.md, section 3.
#include "actors/task/codec.h"
#include "actors/task/events.h"
#include "actors/task/handlers.h"
#include "runtime/store/key.h"

#include <algorithm>

namespace troupe::task {
namespace {

using schema::ReasonResolved;

constexpr std::size_t runs_max = 50;
// Of one task; the oldest is forgotten. A caller that repeats does so within seconds.
constexpr std::size_t requests_max = 50;

Error not_found(const Input& in) {
  return Error{Errc::not_found, "no task " + in.context.self.key};
}

// Refusals that schedule, rerun and cancel share.
std::optional<Error> refuse_command(const TaskState& s, const Input& in) {
  if (!s.visible()) return not_found(in);
  if (past_deadline(s, in.now())) {
    return Error{Errc::conflict, "the deadline of task " + s.task_id + " has passed"};
  }
  return std::nullopt;
}

std::uint32_t last_run(const TaskState& s) {
  return static_cast<std::uint32_t>(s.runs.size() - 1);
}

// The status, now or once the entry is stored.
void reply_about_last_run(Transition& t, const Input& in, bool fresh) {
  if (fresh) {
    reply_when_stored(t, in.reply_to, last_run(t.next));
  } else {
    reply_status(t, in.reply_to);
  }
}

std::optional<Bytes> remembered_answer(std::string_view request_id, const Input& in) {
  if (request_id.empty()) return std::nullopt;
  for (const auto& row : in.context.rows.scan(tables::task_requests.id, "", "", requests_max)) {
    Stored<schema::RequestRow> stored(row.value);
    const auto request = stored.get();
    if (view(request.getRequestId()) != request_id) continue;
    capnp::MallocMessageBuilder message;
    message.setRoot(request.getAnswer());
    return to_bytes(message);
  }
  return std::nullopt;
}

// Keeps what the caller is told, in the transaction that does what it asked for.
void remember_answer(Transition& t, std::string_view request_id, const Input& in) {
  if (request_id.empty()) return;
  const auto kept = in.context.rows.scan(tables::task_requests.id, "", "", requests_max);
  if (kept.size() == requests_max) delete_row(t, tables::task_requests, kept.front().key);
  put_row(t, tables::task_requests, KeyWriter().u64(in.context.number).prefix(),
          build<schema::RequestRow>([&](schema::RequestRow::Builder row) {
            row.setRequestId(text(std::string(request_id)));
            fill_status(t.next, row.initAnswer());
          }));
}

}  // namespace

Result<Transition> on_schedule(const TaskState& s, const Input& in) {
  if (auto refusal = refuse_command(s, in)) return *refusal;
  Transition t = begin(s);
  const bool fresh = s.runs.empty();
  if (fresh) {
    t.next.held = false;  // by hand: neither dependencies nor the hold count
    add_pending_run(t, in, schema::ReasonCreated::SCHEDULED);
  }
  reply_about_last_run(t, in, fresh);
  return t;
}

Result<Transition> on_rerun(const TaskState& s, std::string_view request_id, const Input& in) {
  if (!s.visible()) return not_found(in);
  Transition t = begin(s);
  if (auto answer = remembered_answer(request_id, in)) {
    const auto run = Stored<schema::TaskStatus>(*answer).get().getRuns().size() - 1;
    if (s.until_stored.contains(run)) {
      reply_when_stored(t, in.reply_to, run);
    } else {
      t.effects.replies.push_back({in.reply_to, std::move(*answer), false});
    }
    return t;
  }
  if (auto refusal = refuse_command(s, in)) return *refusal;
  bool fresh = false;
  if (s.state() == schema::TaskState::PENDING) {
    t.effects.events.push_back(task_pending(s, last_run(s)));
    fresh = s.until_stored.contains(last_run(s));
  } else if (s.state() != schema::TaskState::RUNNING) {
    if (s.runs.size() >= runs_max) {
      return Error{Errc::conflict, "task " + s.task_id + " has had 50 runs, which is the limit"};
    }
    const auto runs_left = static_cast<std::int32_t>(runs_max - (s.runs.size() + 1));
    t.next.retries_left = std::min(s.retries, runs_left);
    t.next.held = false;
    // The clock may have passed the deadline and been set back while the dependents are still being
    // told: then the message of that end, which waits for them, comes before those of the new run.
    if (s.telling && s.telling->deadline_event) {
      t.effects.events.push_back(task_ended(s, last_run(s)));
      t.next.telling->deadline_event = false;
    }
    add_pending_run(t, in, schema::ReasonCreated::RERUN);
    // In that case its timer is gone, too.
    set_deadline_timer(t, in);
    fresh = true;
  }
  remember_answer(t, request_id, in);
  reply_about_last_run(t, in, fresh);
  return t;
}

Result<Transition> on_cancel(const TaskState& s, const Input& in) {
  if (auto refusal = refuse_command(s, in)) return *refusal;
  Transition t = begin(s);
  if (!s.is_resolved()) {
    end_and_follow_up(t, in, {schema::TaskState::EXCEPTION, ReasonResolved::CANCELED});
  } else if (s.runs.back().reason_resolved == ReasonResolved::CANCELED) {
    t.effects.events.push_back(task_ended(s, last_run(s)));
    begin_telling(t, in, false);
  }
  reply_status(t, in.reply_to);
  return t;
}

Result<Transition> on_cancel_member(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  const bool open = s.visible() && !s.is_resolved() && s.deadline > in.now();
  if (open) end_and_follow_up(t, in, {schema::TaskState::EXCEPTION, ReasonResolved::CANCELED});
  answer_sweep(t, in, open);
  return t;
}

Result<Transition> on_release(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  t.next.held = false;
  schedule_if_ready(t, in);
  send<schema::TaskGroupMessage>(t, in.from,
                                 [](schema::TaskGroupMessage::Builder m) { m.setReleaseAnswer(); });
  return t;
}

Result<Transition> on_deadline_due(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  if (!s.visible() || s.is_resolved()) return t;
  const Instant end = s.deadline + in.config.deadline_delay;
  if (in.now() < end) {
    if (!past_deadline(s, in.now())) {
      set_deadline_timer(t, in);  // the clock was set back
      return t;
    }
    // Nobody may claim it any more: it neither counts as pending nor stands in anybody's way.
    if (s.state() == schema::TaskState::PENDING) remove_entry(t);
    t.effects.timers.push_back({deadline_timer, end, deadline_ends, false});
    return t;
  }
  end_last_run(t, in, {schema::TaskState::EXCEPTION, ReasonResolved::DEADLINE_EXCEEDED});
  begin_telling(t, in, true);  // its message comes last
  return t;
}

}  // namespace troupe::task
