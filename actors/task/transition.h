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
/// The deadline's timer has two steps: just behind the deadline the pending run leaves its queue;
/// `queue.deadline_delay` behind it ends whatever has not ended. Then this is the timer's attempt.
inline constexpr std::uint64_t deadline_ends = 1;
inline constexpr const char* expiry_timer = "expire";
inline constexpr const char* artifacts_timer = "artifacts";

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
/// Answers those who wait for the pending entry of `run`.
void answer_waiting(Transition& t, std::uint32_t run);
/// Answers those who wait for the entry of a run that is not pending any more.
void answer_overtaken(Transition& t);

/// Makes a new pending run: its entry goes to the queue, task-pending to the log. After the
/// deadline there is no entry; the deadline timer ends the task. `number` is its place among those
/// of one priority; 0: behind all that wait now.
void add_pending_run(Transition& t,
                     const Input& in,
                     schema::ReasonCreated reason,
                     std::uint64_t number = 0);

/// Sets the timer of the deadline, to its first step.
void set_deadline_timer(Transition& t, const Input& in);

/// The entry of the last run, which is pending, leaves its queue.
void remove_entry(Transition& t);

/// Makes the first run if nothing holds the task back any more. `number`: as in add_pending_run.
void schedule_if_ready(Transition& t, const Input& in, std::uint64_t number = 0);

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

/// Tells the group whether its sweep has changed this task.
void answer_sweep(Transition& t, const Input& in, bool changed);

/// A row of a task that needs this one.
struct Edge {
  schema::Requires requirement = schema::Requires::ALL_COMPLETED;  // how this task must end for it
  Instant expires;                                                 // of the dependent
  bool satisfied = false;                                          // it has been told
  std::uint32_t since = 0;  // the ends of this many runs, the first ones, do not count for it
};
Bytes edge_row(const Edge& edge);

/// Begins to tell dependents and group that the task has ended.
void begin_telling(Transition& t, const Input& in, bool deadline_event);

/// Whether commands come too late.
inline bool past_deadline(const TaskState& s, Instant now) {
  return s.deadline < now;
}

}  // namespace troupe::task
