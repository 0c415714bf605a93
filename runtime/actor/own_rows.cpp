#include "runtime/actor/own_rows.h"

#include "runtime/store/key.h"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::size_t number_bytes = 8;

bool begins_with(std::string_view key, std::string_view prefix) {
  return key.starts_with(prefix);
}

}  // namespace

void OwnRows::set_number(std::uint64_t number) {
  number_ = number;
  prefix_ = KeyWriter().u64(number).prefix();
}

std::string OwnRows::full_key(std::string_view key) const {
  const std::size_t size = (number_bytes + key.size() + 7) / 8 * 8;
  TROUPE_ENSURES(size <= 504);
  std::string full;
  full.reserve(size);
  full += prefix_;
  full += key;
  full.resize(size, '\0');
  return full;
}

const Snapshot& OwnRows::snapshot() const {
  // Taken after `changes_` was last pruned, so it holds all that was pruned.
  if (!snapshot_) snapshot_ = store_.snapshot();
  return *snapshot_;
}

std::optional<Bytes> OwnRows::get(TableId table, std::string_view key) const {
  if (number_ == 0) return std::nullopt;
  const std::string full = full_key(key);
  const auto changed = changes_.find(Place{table, full});
  if (changed != changes_.end()) return changed->second.value;
  const auto words = snapshot().get(table, full);
  if (!words) return std::nullopt;
  return Bytes(*words);
}

std::vector<Rows::Row> OwnRows::scan(TableId table,
                                     std::string_view prefix,
                                     std::string_view after,
                                     std::size_t limit) const {
  std::vector<Row> found;
  if (number_ == 0 || limit == 0) return found;
  const std::string own = prefix_ + std::string(prefix);
  const std::string behind = after.empty() ? std::string() : full_key(after);
  const std::string start = std::max(own, behind);
  auto changed = changes_.lower_bound(Place{table, start});
  const auto changed_here = [&] {
    return changed != changes_.end() && changed->first.first == table &&
           begins_with(changed->first.second, own);
  };
  const auto add = [&](std::string_view key, Bytes value) {
    if (key <= behind) return;
    found.push_back({std::string(key.substr(number_bytes)), std::move(value)});
  };
  const auto add_change = [&] {
    if (changed->second.value) add(changed->first.second, *changed->second.value);
    ++changed;
  };
  snapshot().scan(table, start, [&](std::string_view key, WordSpan value) {
    while (found.size() < limit && changed_here() && changed->first.second < key) add_change();
    if (found.size() >= limit || !begins_with(key, own)) return false;
    if (changed_here() && changed->first.second == key) {
      add_change();
    } else {
      add(key, Bytes(value));
    }
    return found.size() < limit;
  });
  while (found.size() < limit && changed_here()) add_change();
  return found;
}

void OwnRows::remember(RowOp row, std::uint64_t sequence) {
  const auto [it, fresh] = changes_.try_emplace(Place{row.table, std::move(row.key)});
  // Twice by one message: both land together, and are forgotten together.
  const bool again = !fresh && it->second.sequence == sequence;
  it->second = {sequence, std::move(row.value)};
  if (!again) order_.emplace_back(sequence, it);
}

void OwnRows::settle() {
  snapshot_.reset();
  const auto durable = committer_.durable();
  while (!order_.empty() && order_.front().first <= durable) {
    const auto& [sequence, change] = order_.front();
    if (change->second.sequence == sequence) changes_.erase(change);
    order_.pop_front();
  }
}

}  // namespace troupe
