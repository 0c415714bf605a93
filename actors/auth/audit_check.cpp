#include "actors/auth/audit_check.h"

#include "actors/auth/audit.h"
#include "actors/check.h"
#include "actors/kinds.h"
#include "runtime/base/hash.h"
#include "schema/store/auth.capnp.h"

#include <optional>

namespace troupe::auth {
namespace {

enum Sets : std::size_t { entries };

/// One log while it is checked.
struct Log {
  const CheckView& view;
  ActorId id;
  std::string where;
  std::uint64_t count = 0;

  void expect(bool holds, const std::string& at, const char* what) const {
    view.findings().expect(holds, at, what);
  }
};

AuditEntry read_entry(schema::AuditEntryRow::Reader row) {
  return {str(row.getEntityType()), str(row.getEntityId()), str(row.getClientId()),
          str(row.getAction()), Instant{row.getCreated()}};
}

// Who has sent the entry to both logs; nothing for a type that this version does not know.
std::optional<ActorId> author_of(const AuditEntry& entry) {
  if (entry.entity_type == "client") return client_id(entry.entity_id);
  if (entry.entity_type == "role") return roles_id();
  return std::nullopt;
}

bool is_on_its_way(const CheckView& view, const ActorId& log, const AuditEntry& entry) {
  const auto author = author_of(entry);
  if (!author) return true;
  return view.any_message(*author, log, [&entry](WordSpan body, std::string_view) {
    Stored<schema::AuditMessage> m(body);
    return m.get().isRecord() && read_entry(m.get().getRecord()) == entry;
  });
}

// A log loses its oldest entries first: what is missing behind an older one was never there.
bool has_hole(const Located& log, const AuditEntry& entry) {
  bool found = false;
  bool older = false;
  scan_own(*log.snapshot, tables::audit_entries, log.number, "", "",
           [&](std::string_view key, WordSpan) {
             older = DoubtfulKey(key).number(8).value_or(0) <
                     static_cast<std::uint64_t>(entry.created.ms);
             return false;
           });
  if (!older) return false;
  const std::string at = KeyWriter().u64(static_cast<std::uint64_t>(entry.created.ms)).prefix();
  scan_own(*log.snapshot, tables::audit_entries, log.number, at, "",
           [&](std::string_view, WordSpan words) {
             Stored<schema::AuditEntryRow> row(words);
             found = read_entry(row.get()) == entry;
             return !found;
           });
  return !found;
}

void check_entry(Log& log, std::string_view key, WordSpan words) {
  log.count += 1;
  const std::string where = log.where + " entry " + to_hex(as_bytes(key));
  log.view.findings().guard(where, [&] {
    decode_whole<schema::AuditEntryRow>(words);
    Stored<schema::AuditEntryRow> row(words);
    const AuditEntry entry = read_entry(row.get());
    const ActorId of_entity = entity_log(entry.entity_type, entry.entity_id);
    const ActorId of_client = client_log(entry.client_id);
    DoubtfulKey parts(key);
    const auto created = parts.number(8);
    log.expect(created == static_cast<std::uint64_t>(entry.created.ms), where,
               "the row's key is of another time");
    if (log.id != of_entity && log.id != of_client) {
      log.expect(false, where, "is in the log of somebody else");
      return;
    }
    const ActorId other = log.id == of_entity ? of_client : of_entity;
    const Located twin = log.view.locate(other);
    log.expect(!twin || !has_hole(twin, entry) || is_on_its_way(log.view, other, entry), where,
               "its twin in the other log is missing");
  });
}

void check_log(const CheckView& view, const Located& at, ActorRows& rows, WordSpan words) {
  decode_whole<schema::AuditLogRow>(words);
  Stored<schema::AuditLogRow> stored(words);
  Log log{view, {kinds::audit, str(stored.get().getLog())}, {}};
  log.where = "audit/" + log.id.key;
  rows.rows(entries, [&](std::string_view key, WordSpan row) { check_entry(log, key, row); });
  log.expect(log.count > 0, log.where, "A1: a log without entries");
  const bool set = view.timer(at, purge_timer).has_value();
  const bool parked = view.any_message(
      {}, log.id, [](WordSpan, std::string_view timer) { return timer == purge_timer; });
  log.expect(set || parked, log.where, "A2: nothing wakes it to let go of old entries");
}

}  // namespace

CheckedKind checked_audit() {
  return {kinds::audit,
          "audit",
          tables::audit_state,
          {tables::audit_entries},
          [](WordSpan row) { return str(Stored<schema::AuditLogRow>(row).get().getLog()); },
          decode_whole<schema::AuditMessage>};
}

void check_audit(const CheckView& view) {
  const CheckedKind kind = checked_audit();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("audit_state row " + std::to_string(number), [&] {
        check_log(view, {shard, number}, rows, row);
      });
    });
  }
}

}  // namespace troupe::auth
