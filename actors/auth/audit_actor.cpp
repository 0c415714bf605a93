// The kind `audit`: keeps one log, and lets go of what is older than the retention.
#include "actors/auth/audit.h"
#include "actors/kinds.h"
#include "actors/state_row.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"

#include <algorithm>
#include <utility>

namespace troupe::auth {
namespace {

using M = schema::AuditMessage;

// Entries that one step deletes; the rest of a long log follows at once, step by step.
constexpr std::size_t purge_max = 200;
// An entry stays up to an hour longer than it must, so that a busy log is not woken for each.
constexpr Duration purge_slack{60 * 60 * 1000};

std::string entry_key(Instant created, std::uint64_t number) {
  return KeyWriter().u64(static_cast<std::uint64_t>(created.ms)).u64(number).prefix();
}

Instant created_of(const Rows::Row& entry) {
  return Instant{static_cast<std::int64_t>(KeyReader(entry.key).u64())};
}

class AuditActor final : public DurableActor {
 public:
  AuditActor(const Rows& rows, const AuditConfig& config)
      : config_(config), row_(tables::audit_state, rows) {
    if (!row_.exists()) return;
    Stored<schema::AuditLogRow> row(row_.words());
    purge_at_ = Instant{row.get().getPurgeAt()};
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    if (message.source == Message::Source::timer) return on_purge(context);
    Stored<M> stored(message.body);
    const auto m = stored.get();
    switch (m.which()) {
      case M::RECORD: return on_record(m.getRecord(), context);
      case M::SETTLE: {
        Effects effects;
        effects.replies.push_back({message.reply_to, Bytes{}, false});
        return effects;
      }
    }
    return Error{Errc::invalid, "a message that this version does not know"};
  }

 private:
  Result<Effects> on_record(schema::AuditEntryRow::Reader entry, const Context& context) {
    Effects effects;
    const Instant created{std::max<std::int64_t>(entry.getCreated(), 0)};
    effects.rows.push_back({tables::audit_entries.id, entry_key(created, context.number),
                            build<schema::AuditEntryRow>([&](schema::AuditEntryRow::Builder row) {
                              row.setEntityType(entry.getEntityType());
                              row.setEntityId(entry.getEntityId());
                              row.setClientId(entry.getClientId());
                              row.setAction(entry.getAction());
                              row.setCreated(created.ms);
                            })});
    // Of a shorter retention than the last server's, logs that grow take note at once.
    const Instant due = created + config_.retention + purge_slack;
    if (!purge_at_ || due < purge_at_) wake_at(due, context, effects);
    return effects;
  }

  Result<Effects> on_purge(const Context& context) {
    Effects effects;
    const auto oldest = context.rows.scan(tables::audit_entries.id, "", "", purge_max + 1);
    std::size_t gone = 0;
    while (gone < oldest.size() && gone < purge_max &&
           created_of(oldest[gone]) + config_.retention <= context.now) {
      effects.rows.push_back({tables::audit_entries.id, oldest[gone].key, std::nullopt});
      ++gone;
    }
    if (gone == oldest.size()) {
      effects.rows.push_back({tables::audit_state.id, "", std::nullopt});
      effects.remove = true;  // A1
      row_.forget();
      purge_at_ = {};
      return effects;
    }
    const bool more = gone == purge_max;
    wake_at(more ? context.now : created_of(oldest[gone]) + config_.retention + purge_slack,
            context, effects);
    return effects;
  }

  // A2
  void wake_at(Instant due, const Context& context, Effects& effects) {
    purge_at_ = due;
    effects.timers.push_back({purge_timer, due, 0});
    row_.put(build<schema::AuditLogRow>([&](schema::AuditLogRow::Builder row) {
               row.setLog(text(context.self.key));
               row.setPurgeAt(due.ms);
             }),
             effects);
  }

  const AuditConfig config_;
  StateRow row_;
  Instant purge_at_;
};

}  // namespace

Kind audit_kind(const AuditConfig& config) {
  return {kinds::audit,
          "audit",
          {tables::audit_state, tables::audit_entries},
          [config](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<AuditActor>(rows, config);
          }};
}

}  // namespace troupe::auth
