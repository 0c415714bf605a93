// createTask: asks the group, then each required task, then the group again, whose yes is final.
// Until then the task is hidden; a no takes back what was stored. A command that repeats the one
// under way attaches to it; another one waits for its end, and is next if that is a refusal.
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

// Of the dependencies that stand against a creation so many are named. Each answer copies them and
// writes them down: with all of them 10,000 would take minutes.
constexpr std::size_t named_max = 100;

void add_named(std::vector<std::string>& against, const std::string& id) {
  if (against.size() <= named_max) against.push_back(id);
}

std::string describe_ids(const std::vector<std::string>& ids) {
  const auto named = std::min(ids.size(), named_max);
  return fmt::format("{}{}",
                     fmt::join(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(named), ", "),
                     ids.size() > named ? " and others" : "");
}

void ask_permission(Transition& t, std::uint64_t question) {
  send_to_group(t, [&](schema::TaskGroupMessage::Builder m) {
    auto ask = m.initMayJoin();
    ask.setSchedulerId(text(t.next.scheduler_id));
    ask.setQuestion(question);
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
  std::vector<FieldError> faults;  // none: the definition has been checked
  s.limits = read_limits(view(d.getExtra()), faults);
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

void start_creation(Transition& t, const Caller& caller, const Input& in) {
  Stored<M> message(caller.message);
  const auto m = message.get().getCreate();
  t.next = new_state(in.context.self.key, m.getDefinition(), m.getHold(), in.now());
  t.next.creation = Creation{};
  t.next.creation->number = in.context.number;
  t.next.creators.push_back(caller);
  put_row(t, tables::task_definition, "", definition_row(m.getDefinition()));
  if (m.getDefinition().getDependencies().size() == 0) {
    join_group(t);  // nothing to ask in between: one round is enough
  } else {
    t.next.creation->step = CreateStep::ASK_GROUP;
    ask_permission(t, 0);
  }
}

// A caller who came while the creation `definition` was under way shares its end or waits for it.
void attach_or_wait(Transition& t, schema::TaskDefinition::Reader definition, Caller caller) {
  Stored<M> message(caller.message);
  const auto own = message.get().getCreate().getDefinition();
  const bool same = t.next.creation->step != CreateStep::UNDO &&
                    same_definition(definition, definition.getPriority(), own);
  if (same) {
    t.next.creators.push_back(std::move(caller));
  } else {
    t.next.later.push_back(std::move(caller));
  }
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
      put_row(t, tables::task_edges, edge_key(need),
              edge_row({t.next.requirement, t.next.expires}));
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
    if (need == t.next.task_id) {
      delete_row(t, tables::task_edges, edge_key(need));
    } else {
      send_to_task(t, need, [](M::Builder m) { m.setRemoveEdge(); });
    }
  }
  if (creation.asked > 0) {
    send_to_task(t, t.next.task_id, [](M::Builder m) { m.setContinueEdges(); });
    return;
  }
  const Error refusal = creation.refusal.value_or(
      Error{Errc::unavailable, "createTask was refused before a restart: send it again"});
  for (const auto& caller : t.next.creators) reply_error(t, caller.to, refusal);
  end_or_create_next(t, in);
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
      Error{Errc::invalid, fmt::format("dependencies {}: {}", what, describe_ids(ids))};
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

// Whether the first run is still pending.
bool in_first_wait(const TaskState& s) {
  return s.runs.size() == 1 && s.state() == schema::TaskState::PENDING;
}

// What an identical createTask has said once more.
void publish_again(Transition& t) {
  t.effects.events.push_back(task_defined(t.next));
  if (in_first_wait(t.next)) t.effects.events.push_back(task_pending(t.next, 0));
}

void finish_creation(Transition& t, const Input& in) {
  const std::uint64_t number = std::exchange(t.next.creation, std::nullopt)->number;
  set_deadline_timer(t, in);
  t.effects.timers.push_back({expiry_timer, t.next.expires + in.config.expiration_delay, 0, false});
  t.effects.events.push_back(task_defined(t.next));
  schedule_if_ready(t, in, number);
  const auto creators = std::exchange(t.next.creators, {});
  for (const auto& caller : creators) {
    // Those that attached are repeats, which are published like any other.
    if (&caller != creators.data()) publish_again(t);
    if (t.next.runs.empty()) {
      reply_status(t, caller.to);
    } else {
      reply_when_stored(t, caller.to, 0);
    }
  }
  // Those with another definition lost the race for the id.
  for (const auto& caller : t.next.later) {
    reply_error(t, caller.to,
                {Errc::conflict, "task " + t.next.task_id + " exists with another definition"});
  }
  t.next.later.clear();
}

Error to_error(schema::Refusal::Reader refusal) {
  return Error{static_cast<Errc>(refusal.getCode()), str(refusal.getMessage())};
}

// What the group says to an identical createTask.
void answer_repeat(Transition& t, schema::GroupAnswer::Reader m) {
  auto& waiting = t.next.repeats;
  const auto asked = std::ranges::find(waiting, m.getQuestion(), &Repeat::question);
  if (asked == waiting.end()) return;  // its caller was lost in a restart
  const ReplyTo to = asked->to;
  waiting.erase(asked);
  if (m.getRefusal().getCode() != 0) {
    reply_error(t, to, to_error(m.getRefusal()));
    return;
  }
  publish_again(t);
  if (in_first_wait(t.next) && t.next.until_stored.contains(0)) {
    reply_when_stored(t, to, 0);
  } else {
    reply_status(t, to);
  }
}

}  // namespace

void end_or_create_next(Transition& t, const Input& in) {
  std::deque<Caller> callers = std::move(t.next.later);
  if (callers.empty()) {
    delete_row(t, tables::task_definition, "");
    delete_row(t, tables::task_state, "");
    t.effects.remove = true;
    t.next = TaskState{};
    return;
  }
  const Caller first = std::move(callers.front());
  callers.pop_front();
  start_creation(t, first, in);
  Stored<M> message(first.message);
  const auto definition = message.get().getCreate().getDefinition();
  for (Caller& caller : callers) attach_or_wait(t, definition, std::move(caller));
}

Result<Transition> on_create(const TaskState& s, const Bytes& body, const Input& in) {
  Stored<M> message(body);
  const auto m = message.get().getCreate();
  const auto definition = m.getDefinition();
  if (const auto faults = check(definition, in.config, in.now()); !faults.empty()) {
    return Error{Errc::invalid, describe(faults)};
  }
  Transition t = begin(s);
  if (!s.exists) {
    start_creation(t, {in.reply_to, body}, in);
    return t;
  }
  if (s.expiring) {  // the id is free in a moment
    t.next.later.push_back({in.reply_to, body});
    return t;
  }
  Stored<schema::TaskDefinition> stored(stored_definition(in));
  if (s.creation) {
    attach_or_wait(t, stored.get(), {in.reply_to, body});
    return t;
  }
  if (!same_definition(stored.get(), s.priority, definition)) {
    return Error{Errc::conflict, "task " + s.task_id + " exists with another definition"};
  }
  t.next.repeats.push_back({in.context.number, in.reply_to});
  ask_permission(t, in.context.number);  // a sealed group refuses repeats too
  return t;
}

Result<Transition> on_group_answer(const TaskState& s,
                                   schema::GroupAnswer::Reader m,
                                   const Input& in) {
  Transition t = begin(s);
  if (m.getQuestion() != 0) {
    answer_repeat(t, m);
    return t;
  }
  if (!s.creation) return t;
  if (m.getRefusal().getCode() != 0) {
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
    add_named(creation.missing, in.from.key);
  } else if (Instant{m.getExpires()} < s.deadline) {
    add_named(creation.expiring, in.from.key);
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
  const bool last = run + 1 == s.runs.size();
  if (last && s.entry_answers > 0) t.next.entry_answers -= 1;
  // The entry may have been moved meanwhile: then its new place has still to be stored.
  if (!last || t.next.entry_answers == 0) answer_waiting(t, run);
  return t;
}

}  // namespace troupe::task
