// The end of a group: members leave it when their rows are removed, one by one. Its own go some
// time after it has expired, and after the last member. Source: spec/queue.md, section 14.
#include "actors/task_group/handlers.h"
#include "runtime/store/key.h"
#include "schema/store/rows.capnp.h"

namespace troupe::task_group {
namespace {

// For a group that is over while it is being changed.
constexpr Duration again_after{60 * 1'000};

bool is_quiet(const GroupState& s, const Context& context) {
  return !s.release && !s.sweep && s.release_callers.empty() && s.sweep_callers.empty() &&
         context.rows.scan(tables::group_swept.id, "", "", 1).empty();
}

}  // namespace

void set_expiry_timer(Transition& t, Instant due) {
  t.effects.timers.push_back({expiry_timer, due, 0, false});
}

Result<Transition> on_expiry_due(const GroupState& s,
                                 const GroupConfig& config,
                                 const Context& context) {
  Transition t{s, {}};
  if (!s.exists) return t;
  if (context.now < removed_at(s, config)) {
    set_expiry_timer(t, removed_at(s, config));
    return t;
  }
  if (s.members > 0) return t;  // the last one to go sets the timer
  if (!is_quiet(s, context)) {
    set_expiry_timer(t, context.now + again_after);
    return t;
  }
  t.next = {};
  t.effects.rows.push_back({tables::group_state.id, "", std::nullopt});
  t.effects.remove = true;
  return t;
}

Result<Transition> on_member_expired(const GroupState& s,
                                     const Message& message,
                                     const GroupConfig& config,
                                     const Context& context) {
  Transition t{s, {}};
  const std::string key = KeyWriter().text(message.from.key).prefix();
  const auto row = s.exists ? context.rows.get(tables::group_members.id, key) : std::nullopt;
  if (!row) return t;
  TROUPE_INVARIANT(s.members > 0);
  t.next.members -= 1;
  if (!Stored<schema::MemberRow>(*row).get().getEverResolved()) t.next.never_resolved -= 1;
  t.effects.rows.push_back({tables::group_members.id, key, std::nullopt});
  if (context.rows.get(tables::group_swept.id, key)) {
    t.effects.rows.push_back({tables::group_swept.id, key, std::nullopt});
  }
  if (t.next.members == 0) set_expiry_timer(t, removed_at(t.next, config));
  return t;
}

}  // namespace troupe::task_group
