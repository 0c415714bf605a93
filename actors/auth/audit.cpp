#include "actors/auth/audit.h"

#include "actors/kinds.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"

#include <utility>

namespace troupe::auth {
namespace {

void fill_entry(const AuditEntry& entry, schema::AuditEntryRow::Builder row) {
  row.setEntityType(text(entry.entity_type));
  row.setEntityId(text(entry.entity_id));
  row.setClientId(text(entry.client_id));
  row.setAction(text(entry.action));
  row.setCreated(entry.created.ms);
}

AuditEntry read_entry(schema::AuditEntryRow::Reader row) {
  return {str(row.getEntityType()), str(row.getEntityId()), str(row.getClientId()),
          str(row.getAction()), Instant{row.getCreated()}};
}

}  // namespace

ActorId entity_log(std::string_view entity_type, std::string_view entity_id) {
  return {kinds::audit, std::string(entity_type) + "/" + std::string(entity_id)};
}

ActorId client_log(std::string_view client_id) {
  return {kinds::audit, "by/" + std::string(client_id)};
}

void add_audit(Effects& effects, const AuditEntry& entry) {
  const Bytes record = build<schema::AuditMessage>(
      [&entry](schema::AuditMessage::Builder m) { fill_entry(entry, m.initRecord()); });
  effects.sends.push_back({entity_log(entry.entity_type, entry.entity_id), record});
  effects.sends.push_back({client_log(entry.client_id), record});
}

Bytes settle_audit() {
  return build<schema::AuditMessage>([](schema::AuditMessage::Builder m) { m.setSettle(); });
}

std::vector<AuditEntry> list_audit(const Snapshot& snapshot,
                                   const ActorId& log,
                                   const Page& page,
                                   std::string& next) {
  std::vector<AuditEntry> found;
  page_own(snapshot, tables::audit_entries, find_actor_number(snapshot, log), "", page, next,
           [&found](std::string_view, WordSpan words) {
             Stored<schema::AuditEntryRow> row(words);
             found.push_back(read_entry(row.get()));
           });
  return found;
}

}  // namespace troupe::auth
