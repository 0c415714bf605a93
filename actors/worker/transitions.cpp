// Connections, leases and claims.
#include "actors/kinds.h"
#include "actors/worker/handlers.h"
#include "actors/worker/worker_actor.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>

namespace troupe::worker {
namespace {

using Push = schema::WorkerPush;

constexpr std::size_t recent_max = 20;
// So many tasks are told of a loss at once: a handler may yield 256 sends.
constexpr std::size_t told_max = 100;

struct Held {
  ClaimedRun run;
  std::uint64_t token;
};

Held read_held(schema::HeldClaim::Reader held) {
  return {{str(held.getTaskId()), held.getRunId()}, held.getToken()};
}

void fill_held(schema::HeldClaim::Builder out, const Held& held) {
  out.setTaskId(text(held.run.task_id));
  out.setRunId(held.run.run_id);
  out.setToken(held.token);
}

template <class List>
void fill_all(List list, std::span<const Held> values) {
  for (unsigned i = 0; i < list.size(); ++i) fill_held(list[i], values[i]);
}

std::string claim_key(const ClaimedRun& run) {
  return KeyWriter().text(run.task_id).u64(run.run_id).prefix();
}

bool holds(const WorkerState& s, const Held& claim) {
  const auto known = s.claims.find(claim.run);
  return known != s.claims.end() && known->second == claim.token;
}

// To the worker's connection; nobody listens without one.
template <class Fill>
void push(Transition& t, bool more, Fill&& fill) {
  if (!t.next.subscription) return;
  t.effects.replies.push_back({t.next.subscription, build<Push>(fill), more});
}

void set_lease(Transition& t, const WorkerConfig& config, const Context& context) {
  t.next.lease_until = context.now + config.lease;
  t.effects.timers.push_back({lease_timer, t.next.lease_until, 0, true});
}

void clear_lease(Transition& t) {
  t.next.lease_until = {};
  t.effects.timers.push_back({lease_timer, std::nullopt, 0, true});
}

// What its connection said ends with it.
void end_session(Transition& t, const WorkerConfig& config, Instant now) {
  if (t.next.session != 0) {
    t.next.away_since = now;
    t.next.expires = t.next.expires_at(now);
  }
  t.next.session = 0;
  t.next.subscription = {};
  t.next.pause.clear();
  if (t.next.exists) set_record_timer(t, config, now);
}

// Sorts what the worker says it holds against what it holds here.
struct Comparison {
  std::vector<Held> kept;
  std::vector<Held> lost;
  std::vector<Held> missed;
};

Comparison compare(const WorkerState& s, M::Connect::Reader m) {
  Comparison result;
  std::map<ClaimedRun, std::uint64_t> named;
  for (const auto claim : m.getHeld()) {
    const Held held = read_held(claim);
    named[held.run] = held.token;
    (holds(s, held) ? result.kept : result.lost).push_back(held);
  }
  for (const auto& [run, token] : s.claims) {
    if (s.timed.contains(run)) continue;  // its worker asks over HTTP
    const auto said = named.find(run);
    if (said == named.end() || said->second != token) result.missed.push_back({run, token});
  }
  return result;
}

// Those that end with its connection.
std::vector<Held> leased_claims(const WorkerState& s) {
  std::vector<Held> claims;
  for (const auto& [run, token] : s.claims) {
    if (!s.timed.contains(run)) claims.push_back({run, token});
  }
  return claims;
}

// The tasks of the first of them; what is left is for a message to itself.
void tell_lost(Transition& t, const ActorId& self, std::span<const Held> claims) {
  const std::size_t told = std::min(claims.size(), told_max);
  for (const Held& held : claims.first(told)) {
    t.effects.sends.push_back({task_id(held.run.task_id),
                               build<schema::TaskMessage>([&held](schema::TaskMessage::Builder m) {
                                 auto lost = m.initWorkerLost();
                                 lost.setRunId(held.run.run_id);
                                 lost.setToken(held.token);
                               })});
  }
  const auto rest = claims.subspan(told);
  if (rest.empty()) return;
  t.effects.sends.push_back({self, build<M>([rest](M::Builder m) {
                               fill_all(m.initTellLost(static_cast<unsigned>(rest.size())), rest);
                             })});
}

Result<Transition> on_connect(const WorkerState& s,
                              M::Connect::Reader m,
                              const Message& message,
                              const Context& context) {
  Transition t{s, {}};
  push(t, false, [](Push::Builder p) { p.setReplaced(); });
  const auto info = m.getInfo();
  t.next.capacity = info.getCapacity();
  t.next.host = str(info.getHost());
  t.next.version = str(info.getVersion());
  t.next.resources.reset();
  if (info.hasResources()) t.next.resources = read_resources(info.getResources());
  t.next.session = m.getSession();
  t.next.subscription = message.reply_to;
  t.next.pause.clear();  // a pause that goes on is told again
  t.next.away_since = {};
  seen(t, context.now);
  clear_lease(t);
  t.effects.timers.push_back({record_timer, std::nullopt, 0, false});
  t.next.process = info.getProcess();
  Comparison found = compare(s, m);
  if (info.getProcess() != s.process) {
    // A new process: what it does not name ended with the old one.
    tell_lost(t, context.self, found.missed);
    found.missed.clear();
  }
  push(t, true, [&found](Push::Builder p) {
    auto connected = p.initConnected();
    fill_all(connected.initKept(static_cast<unsigned>(found.kept.size())), found.kept);
    fill_all(connected.initLost(static_cast<unsigned>(found.lost.size())), found.lost);
    fill_all(connected.initMissed(static_cast<unsigned>(found.missed.size())), found.missed);
  });
  return t;
}

// The connection is gone. `expected` is false after a goodbye: then nothing is waited for.
Result<Transition> on_gone(const WorkerState& s,
                           std::uint64_t session,
                           bool expected,
                           const Message& message,
                           const WorkerConfig& config,
                           const Context& context) {
  Transition t{s, {}};
  answer_nothing(t, message.reply_to);
  if (s.session != session || session == 0) return t;  // a later one has taken over
  end_session(t, config, context.now);
  t.next.last_active = context.now;
  if (!s.holds_leased()) return t;
  if (expected) {
    set_lease(t, config, context);
  } else {
    tell_lost(t, context.self, leased_claims(s));
  }
  return t;
}

// The server has started anew: the lease counts from here, whatever happened before.
Result<Transition> on_restarted(const WorkerState& s,
                                const Message& message,
                                const WorkerConfig& config,
                                const Context& context) {
  Transition t{s, {}};
  answer_nothing(t, message.reply_to);
  end_session(t, config, context.now);
  if (s.holds_leased()) set_lease(t, config, context);
  return t;
}

// A worker says that it pauses, or does so no more.
Result<Transition> on_paused(const WorkerState& s,
                             M::Paused::Reader m,
                             const Message& message,
                             const Context& context) {
  Transition t{s, {}};
  answer_nothing(t, message.reply_to);
  if (s.session == 0 || s.session != m.getPausedSession()) return t;  // of an earlier connection
  t.next.pause = str(m.getPause());
  seen(t, context.now);
  return t;
}

// In the order in which they were claimed, as their tokens rise in it: each task tells of its claim
// by itself, so several come in any order. A run that has ended was claimed before.
void note_recent(Transition& t, const Held& held) {
  auto& recent = t.next.recent;
  const auto claimed_later = [&](const ClaimedRun& other) {
    const auto claim = t.next.claims.find(other);
    return claim != t.next.claims.end() && claim->second > held.token;
  };
  auto place = recent.end();
  while (place != recent.begin() && claimed_later(*std::prev(place))) --place;
  recent.insert(place, held.run);
  if (recent.size() > recent_max) recent.erase(recent.begin());
}

void add_claim(Transition& t, const Held& held, bool timed) {
  t.next.claims.insert_or_assign(held.run, held.token);
  if (timed) {
    t.next.timed.insert_or_assign(held.run, held.token);
  } else {
    t.next.timed.erase(held.run);
  }
  t.effects.rows.push_back(
      {tables::worker_claims.id, claim_key(held.run), build<schema::WorkerClaimRow>([&](auto row) {
         row.setTaskId(text(held.run.task_id));
         row.setRunId(held.run.run_id);
         row.setToken(held.token);
         row.setTimed(timed);
       })});
}

Result<Transition> on_claimed(const WorkerState& s,
                              M::Claimed::Reader m,
                              const WorkerConfig& config,
                              const Context& context) {
  Transition t{s, {}};
  const Held held = read_held(m.getClaim());
  if (m.getUnseen() || (m.getTimed() && s.has_record())) {
    // The claim has to be known, its worker has not; one that asks over HTTP is noted as it asks.
    t.next.exists = true;
  } else {
    seen(t, context.now);
  }
  if (!holds(s, held)) {
    add_claim(t, held, m.getTimed());
    if (t.next.has_record()) note_recent(t, held);
  }
  if (t.next.timed.contains(held.run)) return t;
  // Claimed by a session that has ended: the lease decides. A new session gets it as its own.
  if (s.session == 0) set_lease(t, config, context);
  push(t, true, [&held](Push::Builder p) { fill_held(p.initClaimed(), held); });
  return t;
}

Result<Transition> on_claim_ended(const WorkerState& s, M::ClaimEnded::Reader m) {
  Transition t{s, {}};
  const Held held = read_held(m.getEnded());
  if (!holds(s, held)) return t;
  const bool timed = s.timed.contains(held.run);
  t.next.claims.erase(held.run);
  t.next.timed.erase(held.run);
  t.effects.rows.push_back({tables::worker_claims.id, claim_key(held.run), std::nullopt});
  if (timed) return t;  // nobody listens for it, and no lease was for it
  if (!t.next.holds_leased() && s.session == 0) clear_lease(t);
  if (m.getRevoked()) {
    push(t, true, [&held](Push::Builder p) { fill_held(p.initRevoked(), held); });
  }
  return t;
}

Result<Transition> on_lease_due(const WorkerState& s, const Context& context) {
  Transition t{s, {}};
  t.next.lease_until = {};
  if (s.session == 0) tell_lost(t, context.self, leased_claims(s));
  return t;
}

// What is left of a loss. Claims that have ended meanwhile are nobody's any more.
Result<Transition> on_tell_lost(const WorkerState& s,
                                capnp::List<schema::HeldClaim>::Reader claims,
                                const Context& context) {
  Transition t{s, {}};
  std::vector<Held> lost;
  for (const auto claim : claims) {
    const Held held = read_held(claim);
    if (holds(s, held)) lost.push_back(held);
  }
  tell_lost(t, context.self, lost);
  return t;
}

Result<Transition> on_timer(const WorkerState& s,
                            const Message& message,
                            const WorkerConfig& config,
                            const Context& context) {
  if (message.timer == record_timer) return on_record_due(s, config, context);
  return on_lease_due(s, context);
}

Result<Transition> dispatch(const WorkerState& s,
                            const Message& message,
                            const WorkerConfig& config,
                            const Context& context) {
  if (message.source == Message::Source::timer) return on_timer(s, message, config, context);
  Stored<M> stored(message.body);
  const auto m = stored.get();
  switch (m.which()) {
    case M::CONNECT: return on_connect(s, m.getConnect(), message, context);
    case M::DISCONNECT: return on_gone(s, m.getDisconnect(), true, message, config, context);
    case M::FAREWELL: return on_gone(s, m.getFarewell(), false, message, config, context);
    case M::CLAIMED: return on_claimed(s, m.getClaimed(), config, context);
    case M::RESTARTED: return on_restarted(s, message, config, context);
    case M::PAUSED: return on_paused(s, m.getPaused(), message, context);
    case M::CLAIM_ENDED: return on_claim_ended(s, m.getClaimEnded());
    case M::TELL_LOST: return on_tell_lost(s, m.getTellLost(), context);
    case M::SEEN: return on_seen(s, message, context);
    case M::DECLARE: return on_declare(s, Instant{m.getDeclare()}, message, context);
    case M::QUARANTINE: return on_quarantine(s, m.getQuarantine(), message, context);
    case M::QUARANTINE_ANSWER: return on_quarantine_answer(s, m.getQuestion());
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

}  // namespace

Result<Transition> transition(const WorkerState& s,
                              const Message& message,
                              const WorkerConfig& config,
                              const Context& context) {
  auto outcome = dispatch(s, message, config, context);
  if (!outcome.ok()) return outcome;
  Transition t = std::move(outcome).value();
  if (t.next.exists && !s.exists) begin_row(t, config, context);
  return t;
}

}  // namespace troupe::worker
