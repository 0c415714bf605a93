// How checks look at rows; see check_runtime.cpp for the runtime's own.
#include "runtime/actor/check.h"
#include "runtime/actor/envelope.h"
#include "runtime/actor/shard_place.h"
#include "runtime/base/hash.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <kj/exception.h>

#include <exception>
#include <limits>

namespace troupe {
namespace {

constexpr std::size_t page_rows = 64;

std::string own_row_key(std::uint64_t number, std::string_view key) {
  std::string full = KeyWriter().u64(number).prefix() + std::string(key);
  full.resize((full.size() + 7) / 8 * 8, '\0');
  return full;
}

std::size_t hash_of(const ActorId& from, const ActorId& to) {
  return std::hash<ActorId>()(from) * 1'000'003 + std::hash<ActorId>()(to);
}

}  // namespace

void Findings::add(std::string where, std::string what) {
  ++total_;
  if (kept_.size() < kept_max) kept_.push_back({std::move(where), std::move(what)});
}

void Findings::guard(const std::string& where, const std::function<void()>& read) {
  try {
    read();
  } catch (const kj::Exception& e) {
    add(where, "does not decode: " + std::string(e.getDescription().cStr()));
  } catch (const std::exception& e) {
    add(where, std::string("does not decode: ") + e.what());
  }
}

std::optional<std::uint64_t> DoubtfulKey::number(std::size_t bytes) {
  if (rest_.size() < bytes) {
    whole_ = false;
    return std::nullopt;
  }
  std::uint64_t value = 0;
  for (const char c : rest_.substr(0, bytes)) value = value << 8 | static_cast<std::uint8_t>(c);
  rest_.remove_prefix(bytes);
  return value;
}

std::optional<std::string_view> DoubtfulKey::text() {
  const auto end = rest_.find('\0');
  if (end == std::string_view::npos) {
    whole_ = false;
    return std::nullopt;
  }
  const auto value = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return value;
}

bool DoubtfulKey::ends() const {
  return whole_ && rest_.size() < 8 && rest_.find_first_not_of('\0') == std::string_view::npos;
}

std::uint64_t RowCursor::number() const {
  return DoubtfulKey(key()).number(8).value_or(0);
}

void RowCursor::next() {
  if (++at_ == page_.size()) load();
}

void RowCursor::load() {
  const std::string behind = page_.empty() ? std::string() : page_.back().key;
  page_.clear();
  at_ = 0;
  snapshot_.scan(table_, behind, [&](std::string_view key, WordSpan value) {
    if (!behind.empty() && key == behind) return true;
    page_.push_back({std::string(key), Bytes(value)});
    return page_.size() < page_rows;
  });
}

CheckView::CheckView(std::vector<const Snapshot*> shards, Instant now, Findings& findings)
    : shards_(std::move(shards)), now_(now), findings_(findings) {
  const auto count = static_cast<std::uint32_t>(shards_.size());
  for (std::uint32_t shard = 0; shard < count; ++shard) read_channels(shard);
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    read_messages(shard, tables::inbox);
    read_messages(shard, tables::dead_letters);
    read_outbox(shard);
  }
}

std::string CheckView::Place::key() const {
  return table == tables::outbox.id ? outbox_key(to_shard, number) : KeyWriter().u64(number).key();
}

void CheckView::read_channels(std::uint32_t shard) {
  for (RowCursor row(*shards_[shard], tables::channels.id); row; row.next()) {
    const std::string where = "channels row " + to_hex(as_bytes(row.key()));
    DoubtfulKey parts(row.key());
    const auto end = parts.number(8);
    const auto other = parts.number(8);
    const bool whole = end && other && parts.ends() &&
                       *end <= static_cast<std::uint64_t>(ChannelEnd::received) &&
                       *other < shards_.size() && *other != shard;
    if (!whole) {
      findings_.add(where, "its key is malformed");
      continue;
    }
    findings_.guard(where, [&] {
      channels_[{static_cast<ChannelEnd>(*end), shard, static_cast<std::uint32_t>(*other)}] =
          Stored<schema::ChannelRow>(row.words()).get().getPlace();
    });
  }
}

void CheckView::read_messages(std::uint32_t shard, const TableSpec& table) {
  for (RowCursor row(*shards_[shard], table.id); row; row.next()) {
    const auto number = row.number();
    findings_.guard(std::string(table.name) + " row " + std::to_string(number), [&] {
      remember({shard, table.id, 0, number}, row.words());
    });
  }
}

// What the receiver has taken is in its inbox or done with: outbox rows go later, in slices.
void CheckView::read_outbox(std::uint32_t shard) {
  for (RowCursor row(*shards_[shard], tables::outbox.id); row; row.next()) {
    DoubtfulKey parts(row.key());
    const auto to = parts.number(8);
    const auto place = parts.number(8);
    if (!to || !place || *to >= shards_.size()) continue;  // the channels' own check says so
    const auto to_shard = static_cast<std::uint32_t>(*to);
    if (*place <= channel(ChannelEnd::received, to_shard, shard)) continue;
    try {
      remember({shard, tables::outbox.id, to_shard, *place}, row.words());
    } catch (const kj::Exception&) {
      continue;  // likewise
    }
  }
}

void CheckView::remember(const Place& place, WordSpan words) {
  const auto delivery = decode_envelope(place.number, words);
  messages_.emplace(hash_of(delivery.message.from, delivery.to), place);
}

std::uint64_t CheckView::channel(ChannelEnd end, std::uint32_t shard, std::uint32_t other) const {
  const auto found = channels_.find({end, shard, other});
  return found == channels_.end() ? 0 : found->second;
}

Located CheckView::locate(const ActorId& id) const {
  if (id.key.find('\0') != std::string::npos) return {};
  const auto count = static_cast<std::uint32_t>(shards_.size());
  const Snapshot* shard = shards_[shard_of(id, count)];
  const auto row = shard->get(tables::names.id, name_key(id));
  if (!row) return {};
  try {
    return {shard, Stored<schema::NameRow>(*row).get().getNumber()};
  } catch (const kj::Exception&) {
    return {};  // the name table's own check says so
  }
}

std::optional<WordSpan> CheckView::row(const Located& actor,
                                       const TableSpec& table,
                                       std::string_view key) const {
  if (!actor) return std::nullopt;
  return actor.snapshot->get(table.id, own_row_key(actor.number, key));
}

std::optional<std::uint64_t> CheckView::timer(const Located& actor, const std::string& name) const {
  const auto found = row(actor, tables::timers_of, KeyWriter().text(name).prefix());
  if (!found) return std::nullopt;
  return Stored<schema::TimerOfRow>(*found).get().getAttempt();
}

bool CheckView::any_message(
    const ActorId& from,
    const ActorId& to,
    const std::function<bool(WordSpan body, std::string_view timer)>& matches) const {
  const auto [first, last] = messages_.equal_range(hash_of(from, to));
  for (auto place = first; place != last; ++place) {
    const Place& at = place->second;
    const auto row = shards_[at.shard]->get(at.table, at.key());
    if (!row) continue;
    const auto delivery = decode_envelope(at.number, *row);
    if (delivery.message.from != from || delivery.to != to) continue;
    if (matches(delivery.message.body.words(), delivery.message.timer)) return true;
  }
  return false;
}

ActorRows::ActorRows(const Snapshot& snapshot, const CheckedKind& kind, Findings& findings)
    : kind_(kind), findings_(findings), state_(snapshot, kind.state.id) {
  sets_.reserve(kind.sets.size());
  for (const auto& set : kind.sets) sets_.emplace_back(snapshot, set.id);
}

void ActorRows::each(const std::function<void(std::uint64_t number, WordSpan state)>& visit) {
  for (; state_; state_.next()) {
    number_ = state_.number();
    findings_.count(kind_.state.name, 1);
    if (number_ == 0 || state_.key().size() != 8) {
      findings_.add(std::string(kind_.state.name) + " row " + to_hex(as_bytes(state_.key())),
                    "its key is malformed");
      continue;
    }
    for (std::size_t set = 0; set < sets_.size(); ++set) skip_orphans(set, number_);
    visit(number_, state_.words());
    // What the visitor did not ask for belongs to the actor all the same.
    for (std::size_t set = 0; set < sets_.size(); ++set) rows(set, [](auto, auto) {});
  }
  number_ = 0;
  for (std::size_t set = 0; set < sets_.size(); ++set) {
    skip_orphans(set, std::numeric_limits<std::uint64_t>::max());
  }
}

void ActorRows::rows(std::size_t set,
                     const std::function<void(std::string_view key, WordSpan row)>& visit) {
  RowCursor& cursor = sets_[set];
  for (; cursor && cursor.number() == number_ && cursor.key().size() >= 8; cursor.next()) {
    findings_.count(kind_.sets[set].name, 1);
    visit(cursor.key().substr(8), cursor.words());
  }
}

void ActorRows::skip_orphans(std::size_t set, std::uint64_t below) {
  RowCursor& cursor = sets_[set];
  for (; cursor && cursor.number() < below; cursor.next()) {
    findings_.count(kind_.sets[set].name, 1);
    findings_.add(std::string(kind_.sets[set].name) + " row " + to_hex(as_bytes(cursor.key())),
                  "there is no actor of its number: the row in " + std::string(kind_.state.name) +
                      " is missing");
  }
}

}  // namespace troupe
