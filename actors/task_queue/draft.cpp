#include "actors/task_queue/draft.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

// Behind the actor's number, which has 8 bytes, a key is padded to a multiple of 8.
std::string padded(std::string_view key) {
  std::string full(key);
  full.resize((key.size() + 7) / 8 * 8, '\0');
  return full;
}

}  // namespace

std::optional<Bytes> Draft::get(TableId table, std::string_view key) const {
  const auto changed = changes_.find(Place{table, padded(key)});
  return changed != changes_.end() ? changed->second.value : stored_.get(table, key);
}

std::vector<Rows::Row> Draft::scan(TableId table,
                                   std::string_view prefix,
                                   std::string_view after,
                                   std::size_t limit) const {
  const std::string behind = after.empty() ? std::string() : padded(after);
  auto first = changes_.lower_bound(Place{table, std::max(std::string(prefix), behind)});
  if (first != changes_.end() && !behind.empty() && first->first == Place{table, behind}) ++first;
  auto last = first;
  std::size_t hidden = 0;  // stored rows that are gone or replaced, at most
  while (last != changes_.end() && last->first.first == table &&
         last->first.second.starts_with(prefix)) {
    if (!last->second.fresh) ++hidden;
    ++last;
  }
  auto stored = stored_.scan(table, prefix, after, limit + hidden);
  if (first == last) return stored;
  std::vector<Row> all;
  auto old = stored.begin();
  while (all.size() < limit && (old != stored.end() || first != last)) {
    const bool change_next =
        first != last && (old == stored.end() || first->first.second <= old->key);
    if (!change_next) {
      all.push_back(std::move(*old++));
      continue;
    }
    if (old != stored.end() && old->key == first->first.second) ++old;
    if (first->second.value) all.push_back({first->first.second, *first->second.value});
    ++first;
  }
  return all;
}

void Draft::put(TableId table, std::string_view key, Bytes value) {
  changes_[Place{table, padded(key)}].value = std::move(value);
}

void Draft::put_new(TableId table, std::string_view key, Bytes value) {
  const auto [change, first] = changes_.try_emplace(Place{table, padded(key)});
  if (first) change->second.fresh = true;
  change->second.value = std::move(value);
}

void Draft::erase(TableId table, std::string_view key) {
  const auto [change, first] = changes_.try_emplace(Place{table, padded(key)});
  if (change->second.fresh) {
    changes_.erase(change);
  } else {
    change->second.value.reset();
  }
}

std::vector<RowChange> Draft::take() {
  std::vector<RowChange> rows;
  rows.reserve(changes_.size());
  for (auto& [place, change] : changes_) {
    rows.push_back({place.first, place.second, std::move(change.value)});
  }
  changes_.clear();
  return rows;
}

}  // namespace troupe::task_queue
