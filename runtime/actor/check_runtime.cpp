// The runtime's own tables against each other and against the state rows of the kinds.
#include "runtime/actor/check.h"
#include "runtime/actor/envelope.h"
#include "runtime/actor/shard_place.h"
#include "runtime/actor/timers.h"
#include "runtime/base/hash.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "runtime/store/numbers.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <map>
#include <utility>

namespace troupe {
namespace {

using Kinds = std::vector<CheckedKind>;

const CheckedKind* find_kind(const Kinds& kinds, KindId id) {
  const auto found = std::ranges::find_if(kinds, [id](const auto& k) { return k.id == id; });
  return found == kinds.end() ? nullptr : &*found;
}

std::string row_name(const TableSpec& table, std::string_view key) {
  return std::string(table.name) + " row " + to_hex(as_bytes(key));
}

std::string actor_text(const Kinds& kinds, const ActorId& id) {
  const CheckedKind* kind = find_kind(kinds, id.kind);
  return (kind != nullptr ? kind->name : "kind " + std::to_string(id.kind.value)) + "/" + id.key;
}

/// One shard while it is checked.
struct Shard {
  const CheckView& view;
  const Kinds& kinds;
  const Snapshot& snapshot;
  ShardPlace place;
  StoreState state;
  Findings& findings;

  void expect_reserved(std::uint64_t number, const std::string& where) const {
    const auto count = number / place.count;
    findings.expect(count > 0 && count <= state.numbers_reserved, where,
                    "its number was never reserved");
    findings.expect(shard_of_number(number, place.count) == place.index, where,
                    "its number is of another shard");
  }
  void expect_at_home(const ActorId& id,
                      std::uint32_t home,
                      const std::string& where,
                      const char* what) const {
    const bool named = id.key.find('\0') == std::string::npos;
    findings.expect(named && shard_of(id, place.count) == home, where, what);
  }
};

// 0 also for a text that no key can hold.
std::uint64_t number_of(const Shard& shard, const ActorId& id) {
  return id.key.find('\0') != std::string::npos ? 0 : find_actor_number(shard.snapshot, id);
}

void check_name(const Shard& shard, std::string_view key, WordSpan words) {
  DoubtfulKey parts(key);
  const auto kind_number = parts.number(2);
  const auto actor_key = parts.text();
  if (!kind_number || !actor_key || !parts.ends()) {
    shard.findings.add(row_name(tables::names, key), "its key is malformed");
    return;
  }
  const KindId id{static_cast<std::uint16_t>(*kind_number)};
  const std::string where = actor_text(shard.kinds, {id, std::string(*actor_key)});
  const CheckedKind* kind = find_kind(shard.kinds, id);
  if (kind == nullptr) {
    shard.findings.add(where, "is of a kind that this version does not know");
    return;
  }
  shard.findings.count(kind->name + " actors", 1);
  shard.findings.guard(row_name(tables::names, key), [&] {
    const auto number = Stored<schema::NameRow>(words).get().getNumber();
    shard.expect_reserved(number, where);
    shard.findings.expect(shard_of_name(key, shard.place.count) == shard.place.index, where,
                          "is in another shard than its name says");
    const auto row = shard.snapshot.get(kind->state.id, KeyWriter().u64(number).key());
    if (!row) {
      shard.findings.add(where, "has a name and no row in " + std::string(kind->state.name));
      return;
    }
    ActorId named{id, std::string()};
    shard.findings.guard(where, [&] { named.key = kind->key_of(*row); });
    // Long keys are shortened in the name table: compare as stored.
    const bool same = named.key.find('\0') == std::string::npos && name_key(named) == key;
    shard.findings.expect(same, where, "its number belongs to another actor");
  });
}

void check_names(const Shard& shard) {
  for (RowCursor row(shard.snapshot, tables::names.id); row; row.next()) {
    shard.findings.count(tables::names.name, 1);
    check_name(shard, row.key(), row.words());
  }
  for (const auto& kind : shard.kinds) {
    for (RowCursor row(shard.snapshot, kind.state.id); row; row.next()) {
      const std::string where = row_name(kind.state, row.key());
      shard.findings.guard(where, [&] {
        const ActorId id{kind.id, kind.key_of(row.words())};
        const bool named = row.number() != 0 && number_of(shard, id) == row.number();
        shard.findings.expect(named, kind.name + "/" + id.key, "has a row and no name for it");
      });
    }
  }
}

void check_delivery(const Shard& shard, const Delivery& delivery, const std::string& where) {
  const CheckedKind* kind = find_kind(shard.kinds, delivery.to.kind);
  if (kind == nullptr || delivery.to.key.empty()) {
    shard.findings.add(where, "is to an actor of no known kind");
  } else if (delivery.message.source == Message::Source::actor) {
    shard.findings.guard(where, [&] {
      shard.findings.expect(!delivery.message.body.empty(), where, "has no body");
      kind->decode_message(delivery.message.body.words());
    });
    shard.findings.expect(find_kind(shard.kinds, delivery.message.from.kind) != nullptr, where,
                          "is from an actor of no known kind");
  }
}

void check_messages(const Shard& shard, const TableSpec& table) {
  for (RowCursor row(shard.snapshot, table.id); row; row.next()) {
    shard.findings.count(table.name, 1);
    const std::string where = std::string(table.name) + " row " + std::to_string(row.number());
    shard.findings.expect(row.key().size() == 8, where, "its key is malformed");
    shard.expect_reserved(row.number(), where);
    Delivery delivery;
    try {
      delivery = decode_envelope(row.number(), row.words());
    } catch (const kj::Exception&) {
      continue;  // found when messages were read
    }
    check_delivery(shard, delivery, where);
    shard.expect_at_home(delivery.to, shard.place.index, where, "is to an actor of another shard");
  }
}

void check_posted(const Shard& shard,
                  std::uint32_t to_shard,
                  const std::string& where,
                  WordSpan words) {
  shard.findings.guard(where, [&] {
    const Delivery delivery = decode_envelope(0, words);
    check_delivery(shard, delivery, where);
    const Message& message = delivery.message;
    shard.findings.expect(message.source == Message::Source::actor, where, "is from nobody");
    shard.expect_at_home(delivery.to, to_shard, where, "is to an actor of another shard");
    shard.expect_at_home(message.from, shard.place.index, where,
                         "is from an actor of another shard");
  });
}

/// The places of a channel that the outbox holds.
struct PlaceRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

// The outbox holds the last messages of the channel: at least those that the receiver has not
// taken.
void check_channel(const Shard& shard, std::uint32_t to, std::optional<PlaceRange> kept) {
  const auto from = shard.place.index;
  const auto sent = shard.view.channel(ChannelEnd::sent, from, to);
  const auto received = shard.view.channel(ChannelEnd::received, to, from);
  const PlaceRange range = kept.value_or(PlaceRange{sent + 1, sent});
  const std::string where =
      "channel from shard " + std::to_string(from) + " to shard " + std::to_string(to);
  shard.findings.expect(received <= sent, where, "more was received than sent");
  shard.findings.expect(range.last == sent, where,
                        "the outbox does not end with what was sent last");
  shard.findings.expect(range.first <= received + 1, where,
                        "messages that were not received are missing in the outbox");
}

void check_outbox(const Shard& shard) {
  std::map<std::uint32_t, PlaceRange> kept;
  for (RowCursor row(shard.snapshot, tables::outbox.id); row; row.next()) {
    shard.findings.count(tables::outbox.name, 1);
    DoubtfulKey parts(row.key());
    const auto to = parts.number(8);
    const auto place = parts.number(8);
    if (!to || !place || !parts.ends() || *to >= shard.place.count || *to == shard.place.index) {
      shard.findings.add(row_name(tables::outbox, row.key()), "its key is malformed");
      continue;
    }
    const auto to_shard = static_cast<std::uint32_t>(*to);
    const std::string where =
        "outbox row to shard " + std::to_string(to_shard) + " place " + std::to_string(*place);
    const auto [range, first] = kept.try_emplace(to_shard, PlaceRange{*place, *place});
    shard.findings.expect(first || *place == range->second.last + 1, where,
                          "a gap: messages before it are missing");
    range->second.last = *place;
    check_posted(shard, to_shard, where, row.words());
  }
  for (std::uint32_t to = 0; to < shard.place.count; ++to) {
    if (to == shard.place.index) continue;
    const auto range = kept.find(to);
    check_channel(shard, to, range == kept.end() ? std::nullopt : std::optional(range->second));
  }
}

void check_timer(const Shard& shard, std::string_view key, WordSpan words) {
  const std::string raw = row_name(tables::timers, key);
  DoubtfulKey parts(key);
  const auto due = parts.number(8);
  const auto number = parts.number(8);
  const auto name = parts.text();
  if (!due || !number || !name || !parts.ends()) {
    shard.findings.add(raw, "its key is malformed");
    return;
  }
  shard.findings.guard(raw, [&] {
    const TimerEntry entry = TimerEntry::decode(key, words);
    const std::string where = actor_text(shard.kinds, entry.actor);
    const std::string timer = "timer " + std::string(*name);
    if (entry.name != *name) shard.findings.add(where, timer + ": its row has another name");
    if (number_of(shard, entry.actor) != *number) {
      shard.findings.add(where, timer + ": the actor does not have the timer's number");
    }
    const auto own = shard.snapshot.get(tables::timers_of.id,
                                        KeyWriter().u64(*number).text(std::string(*name)).key());
    if (!own) {
      shard.findings.add(where, timer + ": is missing in timers_of");
      return;
    }
    Stored<schema::TimerOfRow> row(*own);
    const bool same = row.get().getDue() == entry.due.ms && row.get().getAttempt() == entry.attempt;
    if (!same) shard.findings.add(where, timer + ": timers and timers_of disagree");
  });
}

void check_timer_of(const Shard& shard, std::string_view key, WordSpan words) {
  const std::string where = row_name(tables::timers_of, key);
  DoubtfulKey parts(key);
  const auto number = parts.number(8);
  const auto name = parts.text();
  if (!number || !name || !parts.ends()) {
    shard.findings.add(where, "its key is malformed");
    return;
  }
  shard.findings.guard(where, [&] {
    TimerEntry entry;
    Stored<schema::TimerOfRow> row(words);
    entry.due = Instant{row.get().getDue()};
    entry.delay = row.get().getDelay();
    entry.actor_number = *number;
    entry.name = std::string(*name);
    const bool there = shard.snapshot.get(tables::timers.id, entry.key()).has_value();
    if (!there) {
      shard.findings.add(where, "timer " + entry.name + " of actor " + std::to_string(*number) +
                                    ": is missing in timers");
    }
  });
}

void check_timers(const Shard& shard) {
  for (RowCursor row(shard.snapshot, tables::timers.id); row; row.next()) {
    shard.findings.count(tables::timers.name, 1);
    check_timer(shard, row.key(), row.words());
  }
  for (RowCursor row(shard.snapshot, tables::timers_of.id); row; row.next()) {
    shard.findings.count(tables::timers_of.name, 1);
    check_timer_of(shard, row.key(), row.words());
  }
}

void check_events(const Shard& shard) {
  std::uint64_t last = 0;
  for (RowCursor row(shard.snapshot, tables::events.id); row; row.next()) {
    shard.findings.count(tables::events.name, 1);
    const std::string where = "events row " + std::to_string(row.number());
    shard.findings.expect(row.key().size() == 8, where, "its key is malformed");
    const bool follows = last == 0 || (row.number() - last - 1) % events_skipped == 0;
    if (!follows) shard.findings.add(where, "a gap: it comes after " + std::to_string(last));
    last = row.number();
    shard.findings.guard(where, [&] {
      Stored<schema::EventRow> stored(row.words());
      const auto event = stored.get();
      event.totalSize();
      shard.findings.expect(event.getExchange().size() > 0, where, "names no exchange");
    });
  }
  const bool newest = last == 0 || (last <= shard.state.last_event &&
                                    (shard.state.last_event - last) % events_skipped == 0);
  shard.findings.expect(newest, "events row " + std::to_string(last),
                        "is not the newest that was numbered: later ones are missing");
}

}  // namespace

void check_runtime(const CheckView& view, const std::vector<CheckedKind>& kinds) {
  const auto count = static_cast<std::uint32_t>(view.shards().size());
  for (std::uint32_t index = 0; index < count; ++index) {
    const Snapshot& snapshot = *view.shards()[index];
    const Shard shard{view, kinds, snapshot, {index, count}, snapshot.state(), view.findings()};
    if (shard.state.batch == 0) view.findings().add("meta", "the store's state row is missing");
    check_names(shard);
    check_messages(shard, tables::inbox);
    check_messages(shard, tables::dead_letters);
    view.findings().count(tables::channels.name, snapshot.count(tables::channels.id));
    check_outbox(shard);
    check_timers(shard);
    check_events(shard);
  }
}

}  // namespace troupe
