#include "actors/task_group/handlers.h"
#include "runtime/store/key.h"
#include "schema/store/rows.capnp.h"

#include <utility>

namespace troupe::task_group {
namespace {

constexpr Duration group_outlives_task{60 * 60 * 1000};

std::string member_key(const std::string& id) {
  return KeyWriter().text(id).prefix();
}

Bytes member_row(bool ever_resolved, bool held) {
  return build<schema::MemberRow>([&](schema::MemberRow::Builder row) {
    row.setEverResolved(ever_resolved);
    row.setHeld(held);
  });
}

void put_member(Transition& t, std::string key, bool ever_resolved, bool held) {
  t.effects.rows.push_back(
      {tables::group_members.id, std::move(key), member_row(ever_resolved, held)});
}

// Of the group itself: sealed, resolved.
Event group_changed(const GroupState& s, const char* name) {
  return group_event(s, name, [&s](JsonWriter& json) {
    json.key("expires").string(format_time(s.expires));
    if (s.sealed) json.key("sealed").string(format_time(s.sealed));
  });
}

std::optional<Error> refuse_member(const GroupState& s, const std::string& scheduler_id) {
  if (!s.exists) return std::nullopt;
  if (s.scheduler_id != scheduler_id) {
    return Error{Errc::conflict, "task group " + s.task_group_id + " has schedulerId " +
                                     s.scheduler_id + ", not " + scheduler_id};
  }
  if (s.sealed) {
    return Error{Errc::conflict, "task group " + s.task_group_id + " is sealed"};
  }
  return std::nullopt;
}

void fill_refusal(schema::Refusal::Builder out, const std::optional<Error>& refusal) {
  if (!refusal) return;
  out.setCode(static_cast<std::uint8_t>(refusal->code));
  out.setMessage(text(refusal->detail));
}

Result<Transition> on_may_join(const GroupState& s, M::MayJoin::Reader m, const Message& message) {
  Transition t{s, {}};
  tell_task(t, message.from.key, [&](schema::TaskMessage::Builder told) {
    auto answer = told.initGroupAnswer();
    answer.setQuestion(m.getQuestion());
    fill_refusal(answer.getRefusal(), refuse_member(s, str(m.getSchedulerId())));
  });
  return t;
}

Result<Transition> on_join(const GroupState& s,
                           M::Join::Reader m,
                           const Message& message,
                           const GroupConfig& config,
                           const Context& context) {
  Transition t{s, {}};
  const std::string id = message.from.key;
  const auto refusal = refuse_member(s, str(m.getJoinSchedulerId()));
  tell_task(t, id, [&refusal](schema::TaskMessage::Builder told) {
    auto answer = told.initGroupAnswer();
    answer.setJoined(true);
    fill_refusal(answer.getRefusal(), refusal);
  });
  if (refusal) return t;
  const Instant task_expires{m.getExpires()};
  const bool lives_longer = !s.exists || task_expires > s.expires;
  if (!s.exists) {
    t.next.exists = true;
    t.next.task_group_id = context.self.key;
    t.next.scheduler_id = str(m.getJoinSchedulerId());
    t.next.created = context.now;
    t.next.name = str(m.getName());
  }
  if (lives_longer) {
    t.next.expires = within_calendar(task_expires + group_outlives_task);
    set_expiry_timer(t, removed_at(t.next, config));
  }
  t.next.members += 1;
  t.next.never_resolved += 1;
  put_member(t, member_key(id), false, m.getHeld());
  return t;
}

Result<Transition> on_member_resolved(const GroupState& s,
                                      const Message& message,
                                      const Context& context) {
  Transition t{s, {}};
  const std::string key = member_key(message.from.key);
  const auto row = context.rows.get(tables::group_members.id, key);
  TROUPE_INVARIANT(row.has_value());
  Stored<schema::MemberRow> member(*row);
  if (!member.get().getEverResolved()) {
    TROUPE_INVARIANT(s.never_resolved > 0);  // G1
    t.next.never_resolved -= 1;
    put_member(t, key, true, member.get().getHeld());
  }
  if (t.next.never_resolved == 0) {
    t.effects.events.push_back(group_changed(t.next, "task-group-resolved"));
  }
  tell_task(t, message.from.key, [](schema::TaskMessage::Builder m) { m.setGroupToldAnswer(); });
  return t;
}

Result<Transition> on_seal(const GroupState& s, const Message& message, const Context& context) {
  if (!s.exists) return no_group(context);
  Transition t{s, {}};
  if (!s.sealed) t.next.sealed = context.now;
  t.effects.events.push_back(group_changed(t.next, "task-group-sealed"));
  t.effects.replies.push_back(
      {message.reply_to,
       build<schema::TaskGroup>([&](schema::TaskGroup::Builder g) { fill_group(t.next, g); }),
       false});
  return t;
}

void finish_release(Transition& t) {
  const auto count = t.next.release->count;
  t.next.release.reset();
  const Bytes answer =
      build<schema::Released>([count](schema::Released::Builder r) { r.setCount(count); });
  for (const ReplyTo to : t.next.release_callers) {
    t.effects.replies.push_back({to, answer, false});
  }
  t.next.release_callers.clear();
}

// The next slices of members, until one has somebody to release or none is left. Members that are
// not held cost a look, no message.
void release_slice(Transition& t, const Context& context) {
  Release& release = *t.next.release;
  while (release.waiting == 0) {
    const auto members = context.rows.scan(tables::group_members.id, "", release.cursor, slice_max);
    if (members.empty() && std::exchange(t.next.release_again, false)) {
      release.cursor.clear();
      continue;
    }
    if (members.empty()) {
      finish_release(t);
      return;
    }
    for (const auto& member : members) {
      release.cursor = member.key;
      Stored<schema::MemberRow> row(member.value);
      if (!row.get().getHeld()) continue;
      release.waiting += 1;
      release.count += 1;
      put_member(t, member.key, row.get().getEverResolved(), false);
      tell_task(t, std::string(KeyReader(member.key).text()),
                [](schema::TaskMessage::Builder m) { m.setRelease(); });
    }
  }
}

Result<Transition> on_release(const GroupState& s, const Message& message, const Context& context) {
  if (!s.exists) return no_group(context);
  Transition t{s, {}};
  t.next.release_callers.push_back(message.reply_to);
  if (s.release) {
    // Attaches to the one under way, which may have passed members that have joined since.
    t.next.release_again = true;
    return t;
  }
  t.next.release = Release{};
  release_slice(t, context);
  return t;
}

Result<Transition> on_release_answer(const GroupState& s, const Context& context) {
  Transition t{s, {}};
  if (!s.release || s.release->waiting == 0) return t;
  t.next.release->waiting -= 1;
  if (t.next.release->waiting == 0) release_slice(t, context);
  return t;
}

}  // namespace

Result<Transition> transition(const GroupState& s,
                              const Message& message,
                              const GroupConfig& config,
                              const Context& context) {
  if (message.source == Message::Source::timer) return on_expiry_due(s, config, context);
  Stored<M> stored(message.body);
  const auto m = stored.get();
  switch (m.which()) {
    case M::SEAL: return on_seal(s, message, context);
    case M::RELEASE: return on_release(s, message, context);
    case M::MAY_JOIN: return on_may_join(s, m.getMayJoin(), message);
    case M::JOIN: return on_join(s, m.getJoin(), message, config, context);
    case M::MEMBER_RESOLVED: return on_member_resolved(s, message, context);
    case M::RELEASE_ANSWER: return on_release_answer(s, context);
    case M::CANCEL: return on_cancel(s, message, context);
    case M::CHANGE_PRIORITY: return on_change_priority(s, m.getChangePriority(), message, context);
    case M::SWEEP_ANSWER: return on_sweep_answer(s, m.getSweepAnswer(), message, context);
    case M::CONTINUE_SWEEP: return on_continue_sweep(s, context);
    case M::MEMBER_EXPIRED: return on_member_expired(s, message, config, context);
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

}  // namespace troupe::task_group
