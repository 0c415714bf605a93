// What the files of a group's transitions share. All functions are pure.
#pragma once

#include "actors/kinds.h"
#include "actors/task_group/group_actor.h"
#include "runtime/api/exchanges.h"
#include "runtime/base/json_writer.h"
#include "runtime/store/message.h"
#include "runtime/transcode/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::task_group {

using M = schema::TaskGroupMessage;

/// Members that one handler looks at.
inline constexpr std::size_t slice_max = 100;

/// A group outlives its tasks, but ends with the times that can be written.
inline Instant within_calendar(Instant t) {
  return std::min(t, Instant{transcode::time_ms_max});
}

template <class Fill>
void tell_task(Transition& t, std::string id, Fill&& fill) {
  t.effects.sends.push_back({task_id(std::move(id)), build<schema::TaskMessage>(fill)});
}

inline Error no_group(const Context& context) {
  return Error{Errc::not_found, "no task group " + context.self.key};
}

/// A message about the group; `fill` adds what this one has beside the group's names.
template <class Fill>
Event group_event(const GroupState& s, const char* name, Fill&& fill) {
  JsonWriter json;
  json.begin_object().key("version").int64(1);
  json.key("taskGroupId").string(s.task_group_id);
  json.key("schedulerId").string(s.scheduler_id);
  fill(json);
  json.end_object();
  return {api::exchange_prefix("queue") + name,
          fmt::format("primary.{}.{}._", s.task_group_id, s.scheduler_id),
          {},
          json.take()};
}

// -- sweep.cpp: changes of all members
Result<Transition> on_cancel(const GroupState& s, const Message& message, const Context& context);
Result<Transition> on_change_priority(const GroupState& s,
                                      schema::Priority to,
                                      const Message& message,
                                      const Context& context);
Result<Transition> on_sweep_answer(const GroupState& s,
                                   bool changed,
                                   const Message& message,
                                   const Context& context);
Result<Transition> on_continue_sweep(const GroupState& s, const Context& context);

// -- expiry.cpp: the end of a group

/// When its rows may go.
inline Instant removed_at(const GroupState& s, const GroupConfig& config) {
  return s.expires + config.expiration_delay;
}
void set_expiry_timer(Transition& t, Instant due);
Result<Transition> on_expiry_due(const GroupState& s,
                                 const GroupConfig& config,
                                 const Context& context);
/// From a task: its rows are gone.
Result<Transition> on_member_expired(const GroupState& s,
                                     const Message& message,
                                     const GroupConfig& config,
                                     const Context& context);

}  // namespace troupe::task_group
