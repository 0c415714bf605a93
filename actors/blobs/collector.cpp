#include "actors/blobs/collector.h"

#include "actors/blobs/state.h"
#include "runtime/base/data.h"
#include "runtime/store/message.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::blobs {
namespace {

using M = schema::BlobMessage;

// Blobs of one offer.
constexpr std::size_t offer_max = 64;
constexpr std::size_t slice = 256;

class Collector final : public DurableActor {
 public:
  Collector(const CollectorConfig& config, const Rows& rows)
      : config_(config), exists_(rows.get(tables::blobs_state.id, "").has_value()) {}

  Result<Effects> handle(const Message& message, const Context& context) override {
    Effects effects;
    if (message.source == Message::Source::timer) {
      armed_ = false;
      offer(effects, context, {});
      return effects;
    }
    Stored<M> stored(message.body);
    const auto m = stored.get();
    switch (m.which()) {
      case M::REFERENCE: on_reference(m.getReference(), effects, context); break;
      case M::UNREFERENCE: on_unreference(m.getUnreference(), effects, context); break;
      case M::WATCH: on_watch(message.reply_to, effects, context); return effects;
      case M::SETTLE: on_settle(m.getSettle(), effects, context); break;
      case M::SUSPECT: on_suspect(m.getSuspect(), effects, context); break;
      default: return Error{Errc::invalid, "a message that this version does not know"};
    }
    if (message.reply_to) effects.replies.push_back({message.reply_to, Bytes{}, false});
    return effects;
  }

  bool is_volatile() const override { return static_cast<bool>(watcher_); }

 private:
  void put(Effects& effects, const Context& context, TableId table, std::string key, Bytes row) {
    if (!exists_) {
      exists_ = true;
      effects.rows.push_back(
          {tables::blobs_state.id, "", build<schema::CollectorRow>([&](auto own) {
             own.setCollector(text(context.self.key));
           })});
    }
    effects.rows.push_back({table, std::move(key), std::move(row)});
  }

  void put_garbage(Effects& effects, const Context& context, const std::string& blob) {
    const Instant due = context.now + config_.garbage_delay;
    put(effects, context, tables::blob_garbage.id, blob,
        build<schema::BlobGarbageRow>([due](auto row) { row.setDue(due.ms); }));
    arm(effects, context, due);
  }

  // The timer is that of the earliest; later ones are seen when it fires.
  void arm(Effects& effects, const Context& context, Instant due) {
    if (armed_ || offered_) return;
    for_each_garbage(context.rows, [&due](const std::string&, Instant other) {
      due = std::min(due, other);
      return true;
    });
    effects.timers.push_back({garbage_timer, due, 0, false});
    armed_ = true;
  }

  template <class Visit>
  static void for_each_garbage(const Rows& rows, const Visit& visit) {
    std::string cursor;
    for (;;) {
      const auto found = rows.scan(tables::blob_garbage.id, "", cursor, slice);
      for (const auto& row : found) {
        if (!visit(row.key, Instant{Stored<schema::BlobGarbageRow>(row.value).get().getDue()})) {
          return;
        }
      }
      if (found.size() < slice) return;
      cursor = found.back().key;
    }
  }

  void on_reference(schema::BlobUser::Reader m, Effects& effects, const Context& context) {
    const User user = read_user(m);
    const std::string key = reference_key(user);
    if (!context.rows.get(tables::blob_references.id, key)) {
      put(effects, context, tables::blob_references.id, key,
          build<schema::BlobReferenceRow>([&m](auto row) { row.setUser(m); }));
    }
    if (context.rows.get(tables::blob_garbage.id, user.sha256)) {
      effects.rows.push_back({tables::blob_garbage.id, user.sha256, std::nullopt});
    }
  }

  void on_unreference(schema::BlobUser::Reader m, Effects& effects, const Context& context) {
    const User user = read_user(m);
    const std::string key = reference_key(user);
    if (!context.rows.get(tables::blob_references.id, key)) return;
    effects.rows.push_back({tables::blob_references.id, key, std::nullopt});
    const bool last = context.rows.scan(tables::blob_references.id, user.sha256, "", 2).size() == 1;
    if (last) put_garbage(effects, context, user.sha256);
  }

  void on_watch(ReplyTo watcher, Effects& effects, const Context& context) {
    if (watcher_) effects.replies.push_back({watcher_, Bytes{}, false});
    watcher_ = watcher;
    offered_ = false;
    offer(effects, context, {});
  }

  void on_settle(M::Settle::Reader m, Effects& effects, const Context& context) {
    std::vector<std::string> settled;
    offered_ = false;
    const auto has_row = [&](const std::string& blob) {
      return context.rows.get(tables::blob_garbage.id, blob).has_value();
    };
    for (const auto blob : m.getRemoved()) {
      settled.push_back(str(blob));
      if (!has_row(settled.back())) continue;  // somebody uses it anew
      effects.rows.push_back({tables::blob_garbage.id, settled.back(), std::nullopt});
    }
    const Instant due = context.now + config_.garbage_delay;
    for (const auto blob : m.getKept()) {
      settled.push_back(str(blob));
      if (!has_row(settled.back())) continue;
      put(effects, context, tables::blob_garbage.id, settled.back(),
          build<schema::BlobGarbageRow>([due](auto row) { row.setDue(due.ms); }));
    }
    const bool kept = m.getKept().size() > 0;
    offer(effects, context, settled);
    if (kept && !offered_ && !armed_) {
      effects.timers.push_back({garbage_timer, due, 0, false});
      armed_ = true;
    }
  }

  void on_suspect(capnp::List<capnp::Data>::Reader suspects,
                  Effects& effects,
                  const Context& context) {
    for (const auto suspect : suspects) {
      const std::string blob = str(suspect);
      const bool known = !context.rows.scan(tables::blob_references.id, blob, "", 1).empty() ||
                         context.rows.get(tables::blob_garbage.id, blob);
      if (!known) put_garbage(effects, context, blob);
    }
  }

  // Offers what is due, but for `settled`, whose rows are being changed; without any, waits for
  // the earliest.
  void offer(Effects& effects, const Context& context, const std::vector<std::string>& settled) {
    if (!watcher_ || offered_) return;
    std::vector<std::string> due;
    std::optional<Instant> next;
    for_each_garbage(context.rows, [&](const std::string& blob, Instant at) {
      if (std::ranges::find(settled, blob) != settled.end()) return true;
      if (at <= context.now) {
        due.push_back(blob);
      } else if (!next || at < *next) {
        next = at;
      }
      return due.size() < offer_max;
    });
    if (!due.empty()) {
      offered_ = true;
      effects.replies.push_back({watcher_, push_of(due), true});
    } else if (next) {
      armed_ = true;
      effects.timers.push_back({garbage_timer, *next, 0, false});
    }
  }

  static Bytes push_of(const std::vector<std::string>& blobs) {
    return build<schema::BlobPush>([&blobs](schema::BlobPush::Builder push) {
      auto garbage = push.initGarbage(static_cast<unsigned>(blobs.size()));
      for (unsigned i = 0; i < garbage.size(); ++i) {
        garbage.set(i, {reinterpret_cast<const kj::byte*>(blobs[i].data()), blobs[i].size()});
      }
    });
  }

  const CollectorConfig& config_;
  bool exists_;

  // Not in any row.
  ReplyTo watcher_;       // the janitor
  bool offered_ = false;  // the janitor has blobs that it has not settled
  bool armed_ = false;    // the timer is known to be set
};

}  // namespace

User read_user(schema::BlobUser::Reader user) {
  return {str(user.getSha256()), str(user.getTaskId()), user.getRunId(), str(user.getName())};
}

Kind kind(const CollectorConfig& config) {
  auto shared = std::make_shared<const CollectorConfig>(config);
  return {kinds::blobs,
          "blobs",
          {tables::blobs_state, tables::blob_references, tables::blob_garbage},
          [shared](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<Collector>(*shared, rows);
          }};
}

}  // namespace troupe::blobs
