// createTask: asks the group, then each required task, then the group again, whose yes is final.
// Until then the task is hidden; a no takes back what was stored. A command that repeats the one
// under way attaches to it, another one waits for its end.
#include "actors/task/codec.h"
#include "actors/task/definition.h"
#include "actors/task/events.h"
#include "actors/task/handlers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace troupe::task {
namespace {

using schema::CreateStep;

void ask_permission(Transition& t) {
  send_to_group(t, [&](schema::TaskGroupMessage::Builder m) {
    m.initMayJoin().setSchedulerId(text(t.next.scheduler_id));
  });
}

void join_group(Transition& t) {
  t.next.creation->step = CreateStep::JOIN_GROUP;
  send_to_group(t, [&](schema::TaskGroupMessage::Builder m) {
    auto join = m.initJoin();
    join.setJoinSchedulerId(text(t.next.scheduler_id));
    join.setExpires(t.next.expires.ms);
    join.setHeld(t.next.held);
    join.setName(text(t.next.name));
  });
}

TaskState new_state(const std::string& id,
                    schema::TaskDefinition::Reader d,
                    bool hold,
                    Instant now) {
  TaskState s;
  s.exists = true;
  s.task_id = id;
  s.task_queue_id = str(d.getTaskQueueId());
  s.scheduler_id = str(d.getSchedulerId());
  s.project_id = str(d.getProjectId());
  s.task_group_id = str(d.getTaskGroupId());
  s.priority = d.getPriority();
  s.requirement = d.getRequires();
  s.retries = d.getRetries();
  s.retries_left = d.getRetries();
  s.created = now;
  s.deadline = Instant{d.getDeadline()};
  s.expires = Instant{d.getExpires()};
  for (const auto route : d.getRoutes()) s.routes.push_back(str(route));
  for (const auto tag : d.getTags()) s.tags.emplace_back(str(tag.getKey()), str(tag.getValue()));
  s.name = str(d.getMetadata().getName());
  s.held = hold;
  return s;
}

Bytes definition_row(schema::TaskDefinition::Reader definition) {
  capnp::MallocMessageBuilder message;
  message.setRoot(definition);
  return to_bytes(message);
}

Bytes stored_definition(const Input& in) {
  const auto row = in.context.rows.get(tables::task_definition.id, "");
  TROUPE_INVARIANT(row.has_value());
  return *row;
}

Bytes need_row(bool satisfied) {
  return build<schema::NeedRow>(
      [satisfied](schema::NeedRow::Builder row) { row.setSatisfied(satisfied); });
}

Transition start_creation(const std::string& id,
                          const Bytes& body,
                          M::Create::Reader m,
                          const Input& in) {
  Transition t;
  t.next = new_state(id, m.getDefinition(), m.getHold(), in.now());
  t.next.creation = Creation{};
  t.next.creators.push_back({in.reply_to, body});
  put_row(t, tables::task_definition, "", definition_row(m.getDefinition()));
  if (m.getDefinition().getDependencies().size() == 0) {
    join_group(t);  // nothing to ask in between: one round is enough
  } else {
    t.next.creation->step = CreateStep::ASK_GROUP;
    ask_permission(t);
  }
  return t;
}

// The next slice of dependencies: a question to each. Its row comes with the answer: what a
// required task says before that belongs to an earlier creation, which was refused.
void ask_tasks(Transition& t, const Input& in) {
  Creation& creation = *t.next.creation;
  creation.step = CreateStep::ASK_TASKS;
  Stored<schema::TaskDefinition> definition(stored_definition(in));
  const auto needs = definition.get().getDependencies();
  const auto end =
      std::min<std::uint32_t>(needs.size(), creation.asked + static_cast<unsigned>(slice_max));
  for (; creation.asked < end; ++creation.asked) {
    const std::string need = str(needs[creation.asked]);
    if (need == t.next.task_id) {  // legal: blocked until somebody schedules it by hand
      put_row(t, tables::task_needs, edge_key(need), need_row(false));
      t.next.unsatisfied += 1;
      continue;
    }
    creation.waiting += 1;
    send_to_task(t, need, [&](M::Builder m) {
      auto edge = m.initAddEdge();
      edge.setRequires(t.next.requirement);
      edge.setExpires(t.next.expires.ms);
    });
  }
  if (creation.waiting == 0) {
    send_to_task(t, t.next.task_id, [](M::Builder m) { m.setContinueEdges(); });
  }
}

// Takes edges and rows back, slice by slice, then the task itself.
void undo(Transition& t, const Input& in) {
  Creation& creation = *t.next.creation;
  creation.step = CreateStep::UNDO;
  Stored<schema::TaskDefinition> definition(stored_definition(in));
  const auto needs = definition.get().getDependencies();
  const auto slice = std::min<std::uint32_t>(creation.asked, static_cast<unsigned>(slice_max));
  for (std::uint32_t i = 0; i < slice; ++i) {
    const std::string need = str(needs[--creation.asked]);
    delete_row(t, tables::task_needs, edge_key(need));
    if (need != t.next.task_id) {
      send_to_task(t, need, [](M::Builder m) { m.setRemoveEdge(); });
    }
  }
  if (creation.asked > 0) {
    send_to_task(t, t.next.task_id, [](M::Builder m) { m.setContinueEdges(); });
    return;
  }
  const Error refusal = creation.refusal.value_or(
      Error{Errc::unavailable, "createTask was refused before a restart: send it again"});
  delete_row(t, tables::task_definition, "");
  delete_row(t, tables::task_state, "");
  t.effects.remove = true;
  for (const auto& caller : t.next.creators) reply_error(t, caller.to, refusal);
  const Error retry{Errc::unavailable,
                    "another createTask with this id was refused meanwhile: send it again"};
  for (const auto& caller : t.next.later) reply_error(t, caller.to, retry);
  t.next = TaskState{};
}

// What the answers of all required tasks amount to.
void judge_tasks(Transition& t, const Input& in) {
  Creation& creation = *t.next.creation;
  const char* what =
      creation.missing.empty() ? "expire before this task's deadline" : "do not exist";
  const auto& ids = creation.missing.empty() ? creation.expiring : creation.missing;
  if (ids.empty()) {
    join_group(t);
    return;
  }
  creation.refusal =
      Error{Errc::invalid, fmt::format("dependencies {}: {}", what, fmt::join(ids, ", "))};
  undo(t, in);
}

void next_step_after_tasks(Transition& t, const Input& in) {
  Stored<schema::TaskDefinition> definition(stored_definition(in));
  if (t.next.creation->asked < definition.get().getDependencies().size()) {
    ask_tasks(t, in);
  } else {
    judge_tasks(t, in);
  }
}

void finish_creation(Transition& t, const Input& in) {
  t.next.creation.reset();
  t.effects.timers.push_back(
      {deadline_timer, t.next.deadline + in.config.deadline_delay, 0, false});
  t.effects.events.push_back(task_defined(t.next));
  schedule_if_ready(t, in);
  for (const auto& caller : t.next.creators) {
    if (t.next.runs.empty()) {
      reply_status(t, caller.to);
    } else {
      reply_when_stored(t, caller.to, 0);
    }
  }
  t.next.creators.clear();
  // Those with another definition lost the race for the id.
  for (const auto& caller : t.next.later) {
    reply_error(t, caller.to,
                {Errc::conflict, "task " + t.next.task_id + " exists with another definition"});
  }
  t.next.later.clear();
}

// The group has no objection to an identical createTask: everything is published again.
void answer_repeat(Transition& t, const Caller& caller) {
  t.effects.events.push_back(task_defined(t.next));
  const bool pending = t.next.runs.size() == 1 && t.next.state() == schema::TaskState::PENDING;
  if (pending) t.effects.events.push_back(task_pending(t.next, 0));
  if (pending && t.next.until_stored.contains(0)) {
    reply_when_stored(t, caller.to, 0);
  } else {
    reply_status(t, caller.to);
  }
}

Error to_error(schema::Refusal::Reader refusal) {
  return Error{static_cast<Errc>(refusal.getCode()), str(refusal.getMessage())};
}

}  // namespace

Result<Transition> on_create(const TaskState& s, const Bytes& body, const Input& in) {
  Stored<M> message(body);
  const auto m = message.get().getCreate();
  const auto definition = m.getDefinition();
  if (const auto faults = check(definition, in.config, in.now()); !faults.empty()) {
    return Error{Errc::invalid, describe(faults)};
  }
  if (!s.exists) return start_creation(in.context.self.key, body, m, in);

  Stored<schema::TaskDefinition> stored(stored_definition(in));
  const bool same = same_definition(stored.get(), s.priority, definition);
  Transition t = begin(s);
  if (s.creation) {
    const bool attach = same && s.creation->step != CreateStep::UNDO;
    if (attach) {
      t.next.creators.push_back({in.reply_to, body});
    } else {
      t.next.later.push_back({in.reply_to, body});
    }
    return t;
  }
  if (!same) {
    return Error{Errc::conflict, "task " + s.task_id + " exists with another definition"};
  }
  t.next.repeats.push_back({in.reply_to, body});
  ask_permission(t);  // a sealed group refuses repeats too
  return t;
}

Result<Transition> on_group_answer(const TaskState& s,
                                   schema::GroupAnswer::Reader m,
                                   const Input& in) {
  Transition t = begin(s);
  const bool refused = m.getRefusal().getCode() != 0;
  if (!s.creation) {
    if (s.repeats.empty()) return t;  // its caller was lost in a restart
    const Caller caller = s.repeats.front();
    t.next.repeats.pop_front();
    if (refused) {
      reply_error(t, caller.to, to_error(m.getRefusal()));
    } else {
      answer_repeat(t, caller);
    }
    return t;
  }
  if (refused) {
    t.next.creation->refusal = to_error(m.getRefusal());
    undo(t, in);
  } else if (m.getJoined()) {
    finish_creation(t, in);
  } else {
    ask_tasks(t, in);
  }
  return t;
}

Result<Transition> on_edge_answer(const TaskState& s, M::EdgeAnswer::Reader m, const Input& in) {
  Transition t = begin(s);
  if (!s.creation || s.creation->step != CreateStep::ASK_TASKS) return t;
  Creation& creation = *t.next.creation;
  TROUPE_INVARIANT(creation.waiting > 0);
  creation.waiting -= 1;
  if (m.getResult() == schema::EdgeResult::MISSING) {
    creation.missing.push_back(in.from.key);
  } else if (Instant{m.getExpires()} < s.deadline) {
    creation.expiring.push_back(in.from.key);
  } else if (m.getResult() == schema::EdgeResult::SATISFIED) {
    put_row(t, tables::task_needs, edge_key(in.from.key), need_row(true));
  } else {
    put_row(t, tables::task_needs, edge_key(in.from.key), need_row(false));
    t.next.unsatisfied += 1;
  }
  if (creation.waiting == 0) next_step_after_tasks(t, in);
  return t;
}

Result<Transition> on_continue_edges(const TaskState& s, const Input& in) {
  Transition t = begin(s);
  if (!s.creation) return t;
  if (s.creation->step == CreateStep::UNDO) {
    undo(t, in);
  } else if (s.creation->step == CreateStep::ASK_TASKS && s.creation->waiting == 0) {
    next_step_after_tasks(t, in);
  }
  return t;
}

Result<Transition> on_entry_stored(const TaskState& s, std::uint32_t run, const Input&) {
  Transition t = begin(s);
  const auto found = s.until_stored.find(run);
  if (found == s.until_stored.end()) return t;
  for (const ReplyTo to : found->second) reply_status(t, to);
  t.next.until_stored.erase(run);
  return t;
}

}  // namespace troupe::task
