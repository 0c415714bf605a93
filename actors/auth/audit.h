// The audit history: who changed which client, role, secret, hook or worker pool, and when. Source:
// spec/auth.md, section 14.
//
// An entry stands in two logs: that of the entity (what happened to it) and that of the client who
// did it (what it did). A log is a durable actor of its own, so that it outlives the entity, which
// may be deleted, and the client, which may be a name of temporary credentials. Whoever makes a
// change sends the entry to both; the messages land in the transaction of the change.
//
//   client, role, secret...  ── record ──►  audit `client/ID`      entries in order of `created`
//                            ── record ──►  audit `by/CLIENT`      the same, of all that it did
//
// Invariants, of each log:
//   A1  a log exists as long as it has an entry;
//   A2  its timer `purge` is set, for `purge_at` of its row: an hour after the retention of its
//       oldest entry, or earlier.
#pragma once

#include "actors/lookup.h"
#include "runtime/actor/durable_actor.h"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::auth {

struct AuditEntry {
  std::string entity_type;  // `client`, `role`, `secret`, `hook`, `worker-pool`
  std::string entity_id;
  std::string client_id;  // who did it
  std::string action;     // `created`, `updated`...
  Instant created;
  bool operator==(const AuditEntry&) const = default;
};

struct AuditConfig {
  Duration retention{30LL * 24 * 60 * 60 * 1000};
};

/// The log of what happened to an entity, and of what a client did.
ActorId entity_log(std::string_view entity_type, std::string_view entity_id);
ActorId client_log(std::string_view client_id);

/// For transitions of any kind: the change that `effects` make is remembered. Two sends.
void add_audit(Effects& effects, const AuditEntry& entry);

/// A command to a log: answered when all that was recorded before it can be read. Ask it before a
/// query, so that callers read what they have just written.
Bytes settle_audit();

/// From a snapshot: one page of a log, oldest first; `next` becomes the token of the page that
/// follows, if there are more. Nothing of a log that does not exist.
std::vector<AuditEntry> list_audit(const Snapshot& snapshot,
                                   const ActorId& log,
                                   const Page& page,
                                   std::string& next);

// ---- The kind `audit` ----

Kind audit_kind(const AuditConfig& config);

inline constexpr const char* purge_timer = "purge";

}  // namespace troupe::auth
