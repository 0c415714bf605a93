// What every task transition is made of: the next state, its effects, and the few moves that
// several messages share.
#pragma once

#include "actors/kinds.h"
#include "actors/task/state.h"
#include "runtime/actor/durable_actor.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <string>
#include <utility>

namespace troupe::task {

/// The next state and what goes with it. `effects` lack the task's own row, which follows `next`.
struct Transition {
  TaskState next;
  Effects effects;
};

/// What a handler may know beside state and message.
struct Input {
  const Context& context;
  const TaskConfig& config;
  ReplyTo reply_to;  // of a command
  ActorId from;      // of an actor's message

  Instant now() const { return context.now; }
};

inline Transition begin(const TaskState& state) {
  return {state, {}};
}

/// One handler yields at most 256 rows and sends; more is a `Continue` to itself.
inline constexpr std::size_t slice_max = 100;

/// Timers, by name.
inline constexpr const char* deadline_timer = "deadline";
inline constexpr const char* claim_timer = "claim";

template <class Struct, class Fill>
void send(Transition& t, ActorId to, Fill&& fill) {
  t.effects.sends.push_back({std::move(to), build<Struct>(std::forward<Fill>(fill))});
}
template <class Fill>
void send_to_task(Transition& t, std::string id, Fill&& fill) {
  send<schema::TaskMessage>(t, task_id(std::move(id)), std::forward<Fill>(fill));
}
template <class Fill>
void send_to_group(Transition& t, Fill&& fill) {
  send<schema::TaskGroupMessage>(t, task_group_id(t.next.task_group_id), std::forward<Fill>(fill));
}
template <class Fill>
void send_to_queue(Transition& t, Fill&& fill) {
  send<schema::TaskQueueMessage>(t, task_queue_id(t.next.task_queue_id), std::forward<Fill>(fill));
}

void put_row(Transition& t, const TableSpec& table, std::string key, Bytes value);
void delete_row(Transition& t, const TableSpec& table, std::string key);

void reply_error(Transition& t, ReplyTo to, Error error);
/// Answers with the status as it is now.
void reply_status(Transition& t, ReplyTo to);
/// Answers likewise, once the pending entry of `run` is on disk: a status that says `pending` must
/// be true.
void reply_when_stored(Transition& t, ReplyTo to, std::uint32_t run);

/// Makes a new pending run: its entry goes to the queue, task-pending to the log. After the
/// deadline there is no entry; the deadline timer ends the task.
void add_pending_run(Transition& t, const Input& in, schema::ReasonCreated reason);

/// Makes the first run if nothing holds the task back any more.
void schedule_if_ready(Transition& t, const Input& in);

/// How a run ends.
struct Ending {
  schema::TaskState state = schema::TaskState::EXCEPTION;
  schema::ReasonResolved reason = schema::ReasonResolved::NONE;
  bool by_worker = false;  // else the worker is told to stop
};

/// Ends the last run, or a first one made to hold the reason. Its claim and entry go. Publishes
/// nothing and tells nobody else.
void end_last_run(Transition& t, const Input& in, const Ending& ending);

/// Ends the last run with its message, then the retry it has a right to, or the telling.
void end_and_follow_up(Transition& t, const Input& in, const Ending& ending);

/// Begins to tell dependents and group that the task has ended.
void begin_telling(Transition& t, const Input& in, bool deadline_event);

/// Whether commands come too late.
inline bool past_deadline(const TaskState& s, Instant now) {
  return s.deadline < now;
}

}  // namespace troupe::task
