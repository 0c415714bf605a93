// How checks look at rows; see check_runtime.cpp for the runtime's own.
#include "runtime/actor/check.h"
#include "runtime/actor/envelope.h"
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
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    read_messages(shard, tables::inbox);
    read_messages(shard, tables::dead_letters);
  }
}

void CheckView::read_messages(std::size_t shard, const TableSpec& table) {
  for (RowCursor row(*shards_[shard], table.id); row; row.next()) {
    const auto number = row.number();
    findings_.guard(std::string(table.name) + " row " + std::to_string(number), [&] {
      const auto delivery = decode_envelope(number, row.words());
      messages_.emplace(hash_of(delivery.message.from, delivery.to),
                        Place{shard, table.id, number});
    });
  }
}

Located CheckView::locate(const ActorId& id) const {
  if (id.key.find('\0') != std::string::npos) return {};
  for (const Snapshot* shard : shards_) {
    const auto row = shard->get(tables::names.id, name_key(id));
    if (!row) continue;
    try {
      return {shard, Stored<schema::NameRow>(*row).get().getNumber()};
    } catch (const kj::Exception&) {
      return {};  // the name table's own check says so
    }
  }
  return {};
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
    const auto& [shard, table, number] = place->second;
    const auto row = shards_[shard]->get(table, KeyWriter().u64(number).key());
    if (!row) continue;
    const auto delivery = decode_envelope(number, *row);
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
