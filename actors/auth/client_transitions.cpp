#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/codec.h"
#include "actors/auth/events.h"
#include "actors/auth/rules.h"
#include "actors/kinds.h"
#include "schema/store/auth.capnp.h"

#include <optional>

namespace troupe::auth {
namespace {

using M = schema::ClientMessage;

constexpr int static_years = 1'000;

/// What every handler is given.
struct Call {
  const ClientState& s;
  M::Reader m;
  const Message& message;
  const Context& context;
};

/// What is said of a change, in the audit history and in an event.
struct Change {
  const char* action = nullptr;
  const char* event = nullptr;
};

constexpr Change created{"created", "client-created"};
constexpr Change updated{"updated", "client-updated"};
constexpr Change deleted{"deleted", "client-deleted"};
constexpr Change enabled{"client enabled", "client-updated"};
constexpr Change disabled{"client disabled", "client-updated"};
constexpr Change token_reset{"access token reset", "client-updated"};

Error not_found() {
  return {Errc::not_found, "Client not found"};
}

std::optional<Instant> due_of(const ClientState& s) {
  if (!s.exists || !s.delete_on_expiration) return std::nullopt;
  return expiry_due(s);
}

// C1. Of an actor that goes away the runtime clears the timers.
void set_timer(const ClientState& before, ClientTransition& t) {
  const auto due = due_of(t.next);
  if (t.next.exists && due != due_of(before)) {
    t.effects.timers.push_back({expire_timer, due, t.next.version});
  }
}

void reply(const Call& call, Bytes answer, ClientTransition& t) {
  t.effects.replies.push_back({call.message.reply_to, std::move(answer), false});
}

void publish(const Call& call, const Change& change, ClientTransition& t) {
  const std::string& id = call.context.self.key;
  add_audit(t.effects, {"client", id, str(call.m.getBy()), change.action, call.context.now});
  t.effects.events.push_back(client_event(change.event, id));
}

// The row has changed: C2.
void mark_modified(const Call& call, ClientTransition& t) {
  t.next.version = call.context.number;
  t.next.last_modified = call.context.now;
}

/// A change that the API publishes, answered by the row as it is now.
ClientTransition finish(const Call& call, const Change& change, ClientTransition t) {
  set_timer(call.s, t);
  publish(call, change, t);
  reply(call, encode_client(t.next), t);
  return t;
}

ClientTransition remove(const ClientState& s) {
  ClientTransition t;
  if (!s.exists) return t;
  t.effects.rows.push_back({tables::clients.id, "", std::nullopt});
  t.effects.remove = true;
  return t;
}

// A client of this id that is made now.
ClientState make(const Call& call, std::string sealed_token) {
  ClientState next;
  next.exists = true;
  next.client_id = call.context.self.key;
  next.access_token = std::move(sealed_token);
  next.created = call.context.now;
  next.last_modified = call.context.now;
  next.last_rotated = call.context.now;
  next.last_date_used = call.context.now;
  next.version = call.context.number;
  return next;
}

// ---- Worker tokens ----

bool is_worker_token(const Call& call) {
  return call.context.self.key.starts_with(worker_token_prefix);
}

// The caller of a repeat lost the answer: it gets the token that was made then.
Result<ClientTransition> on_create_token(const Call& call, M::CreateToken::Reader m) {
  const ClientState& s = call.s;
  const bool repeat = s.exists && !s.disabled && s.pool == view(m.getPool()) &&
                      s.expires == Instant{m.getExpires()};
  if (s.exists && !repeat) return Error{Errc::conflict, "client " + s.client_id + " exists"};
  ClientTransition t{s, {}};
  if (!repeat) {
    t.next = make(call, data(m.getAccessToken()));
    t.next.pool = str(m.getPool());
    t.next.description = "worker token for " + t.next.pool;
    t.next.scopes = worker_scopes(t.next.pool);
    t.next.expires = Instant{m.getExpires()};
    t.next.delete_on_expiration = true;
    set_timer(call.s, t);
    publish(call, created, t);
  }
  reply(call, build<schema::CreatedToken>([&t](schema::CreatedToken::Builder out) {
          out.setAccessToken(data_of(t.next.access_token));
        }),
        t);
  return t;
}

Result<ClientTransition> on_revoke(const Call& call) {
  if (!call.s.exists) return Error{Errc::not_found, "no client " + call.context.self.key};
  if (!is_worker_token(call)) {
    return Error{Errc::invalid, "client " + call.context.self.key + " is no worker token"};
  }
  ClientTransition t{call.s, {}};
  if (!call.s.disabled) {
    t.next.disabled = true;
    mark_modified(call, t);
    set_timer(call.s, t);
    publish(call, disabled, t);
  }
  reply(call, Bytes{}, t);
  return t;
}

// ---- The API's commands ----

bool is_repeat(const Call& call, M::Create::Reader m, const std::vector<std::string>& scopes) {
  const ClientState& s = call.s;
  return s.exists && !s.disabled && call.context.now - s.created < create_repeats &&
         s.expires == Instant{m.getExpires()} && s.description == view(m.getDescription()) &&
         s.scopes == scopes;
}

Result<ClientTransition> on_create(const Call& call, M::Create::Reader m) {
  auto scopes = texts(m.getScopes());
  if (auto good = check_scopes(scopes); !good.ok()) return good.error();
  const bool repeat = is_repeat(call, m, scopes);
  if (call.s.exists && !repeat) return Error{Errc::conflict, "Client already exists"};
  ClientTransition t{call.s, {}};
  if (!repeat) {
    t.next = make(call, data(m.getAccessToken()));
    t.next.description = str(m.getDescription());
    t.next.scopes = std::move(scopes);
    t.next.expires = Instant{m.getExpires()};
    t.next.delete_on_expiration = m.getDeleteOnExpiration();
  }
  return finish(call, created, std::move(t));
}

Result<ClientTransition> on_update(const Call& call, M::Update::Reader m) {
  auto scopes = texts(m.getScopes());
  if (auto good = check_scopes(scopes); !good.ok()) return good.error();
  if (!call.s.exists) return not_found();
  if (call.s.version != m.getVersion()) return stale();
  ClientTransition t{call.s, {}};
  if (m.getReplaceScopes()) {
    t.next.scopes = std::move(scopes);
    t.next.pool.clear();  // no longer what it was made for
  }
  t.next.description = str(m.getDescription());
  t.next.expires = Instant{m.getExpires()};
  t.next.delete_on_expiration = m.getDeleteOnExpiration();
  mark_modified(call, t);
  return finish(call, updated, std::move(t));
}

Result<ClientTransition> on_set_disabled(const Call& call, bool is_disabled) {
  if (!call.s.exists) return not_found();
  // Whoever revoked it took it for stolen, and that stands.
  if (!is_disabled && call.s.disabled && is_worker_token(call)) {
    return Error{Errc::conflict, "worker token " + call.s.client_id +
                                     " has been revoked, for ever: make another one with `troupe "
                                     "worker token create`"};
  }
  ClientTransition t{call.s, {}};
  t.next.disabled = is_disabled;
  mark_modified(call, t);
  return finish(call, is_disabled ? disabled : enabled, std::move(t));
}

Result<ClientTransition> on_reset(const Call& call) {
  if (!call.s.exists) return not_found();
  ClientTransition t{call.s, {}};
  t.next.access_token = data(call.m.getResetAccessToken());
  t.next.last_rotated = call.context.now;
  mark_modified(call, t);
  return finish(call, token_reset, std::move(t));
}

Result<ClientTransition> on_delete(const Call& call) {
  ClientTransition t = remove(call.s);
  publish(call, deleted, t);
  reply(call, Bytes{}, t);
  return t;
}

// ---- What nobody asked for by name ----

Result<ClientTransition> on_touch(const Call& call) {
  ClientTransition t{call.s, {}};
  if (call.s.exists && call.context.now - call.s.last_date_used >= touch_least) {
    t.next.last_date_used = call.context.now;
  }
  reply(call, Bytes{}, t);
  return t;
}

Result<ClientTransition> on_reseal(const Call& call, M::Reseal::Reader m) {
  ClientTransition t{call.s, {}};
  if (call.s.exists && call.s.version == m.getVersion()) {
    t.next.access_token = data(m.getAccessToken());
    t.next.version = call.context.number;
  }
  reply(call, Bytes{}, t);
  return t;
}

// Enabled or not, expired or not stays as it is: somebody meant it.
Result<ClientTransition> on_synchronise(const Call& call, M::Synchronise::Reader m) {
  if (!is_static(call.context.self.key)) {
    return Error{Errc::invalid, "client " + call.context.self.key + " is not a static one"};
  }
  const std::string token = data(m.getAccessToken());
  if (!call.s.exists && token.empty()) {
    return Error{Errc::invalid, "client " + call.context.self.key + " needs an access token"};
  }
  auto scopes = texts(m.getScopes());
  if (auto good = check_scopes(scopes); !good.ok()) return good.error();
  ClientTransition t{call.s, {}};
  if (!call.s.exists) {
    t.next = make(call, token);
    t.next.expires = add_years(call.context.now, static_years);
  } else if (!token.empty()) {
    t.next.access_token = token;
    t.next.last_rotated = call.context.now;
  }
  t.next.description = str(m.getDescription());
  t.next.scopes = std::move(scopes);
  if (t.next != call.s) mark_modified(call, t);
  reply(call, encode_client(t.next), t);
  return t;
}

Result<ClientTransition> on_remove_static(const Call& call) {
  if (!is_static(call.context.self.key)) {
    return Error{Errc::invalid, "client " + call.context.self.key + " is not a static one"};
  }
  ClientTransition t = remove(call.s);
  reply(call, Bytes{}, t);
  return t;
}

Result<ClientTransition> on_timer(const ClientState& s, const Context& context) {
  const auto due = due_of(s);
  ClientTransition t{s, {}};
  if (!due) return t;  // a late one
  if (*due > context.now) {
    t.effects.timers.push_back({expire_timer, due, s.version});
    return t;
  }
  t = remove(s);
  add_audit(t.effects, {"client", s.client_id, std::string(own_client_id), "expired", context.now});
  return t;
}

bool is_of_api(M::Which which) {
  switch (which) {
    case M::CREATE:
    case M::UPDATE:
    case M::ENABLE:
    case M::DISABLE:
    case M::RESET_ACCESS_TOKEN:
    case M::DELETE: return true;
    case M::CREATE_TOKEN:
    case M::REVOKE:
    case M::TOUCH:
    case M::RESEAL:
    case M::SYNCHRONISE:
    case M::REMOVE_STATIC: return false;
  }
  return false;
}

}  // namespace

Result<ClientTransition> transition(const ClientState& s,
                                    const Message& message,
                                    const Context& context) {
  if (message.source == Message::Source::timer) return on_timer(s, context);
  Stored<M> stored(message.body);
  const auto m = stored.get();
  const Call call{s, m, message, context};
  if (is_of_api(m.which())) {
    if (auto good = check_not_static(context.self.key); !good.ok()) return good.error();
  }
  switch (m.which()) {
    case M::CREATE_TOKEN: return on_create_token(call, m.getCreateToken());
    case M::REVOKE: return on_revoke(call);
    case M::CREATE: return on_create(call, m.getCreate());
    case M::UPDATE: return on_update(call, m.getUpdate());
    case M::ENABLE: return on_set_disabled(call, false);
    case M::DISABLE: return on_set_disabled(call, true);
    case M::RESET_ACCESS_TOKEN: return on_reset(call);
    case M::DELETE: return on_delete(call);
    case M::TOUCH: return on_touch(call);
    case M::RESEAL: return on_reseal(call, m.getReseal());
    case M::SYNCHRONISE: return on_synchronise(call, m.getSynchronise());
    case M::REMOVE_STATIC: return on_remove_static(call);
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

}  // namespace troupe::auth
