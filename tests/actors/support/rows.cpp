#include "tests/actors/support/rows.h"

#include <algorithm>

namespace troupe::test {
namespace {

// Behind the actor's number, which has 8 bytes, a key is padded to a multiple of 8.
std::string padded(std::string_view key) {
  std::string full(key);
  full.resize((key.size() + 7) / 8 * 8, '\0');
  return full;
}

}  // namespace

std::optional<Bytes> MemoryRows::get(TableId table, std::string_view key) const {
  const auto found = rows_.find({table, padded(key)});
  if (found == rows_.end()) return std::nullopt;
  return found->second;
}

std::vector<Rows::Row> MemoryRows::scan(TableId table,
                                        std::string_view prefix,
                                        std::string_view after,
                                        std::size_t limit) const {
  std::vector<Row> found;
  const std::string start = after.empty() ? std::string(prefix) : padded(after);
  for (auto at = rows_.lower_bound({table, start}); at != rows_.end(); ++at) {
    const auto& [place, value] = *at;
    if (found.size() == limit || place.first != table || !place.second.starts_with(prefix)) break;
    if (!after.empty() && place.second == start) continue;
    found.push_back({place.second, value});
  }
  scanned_ += found.size();
  return found;
}

void MemoryRows::apply(const std::vector<RowChange>& changes) {
  for (const RowChange& change : changes) {
    std::pair<TableId, std::string> place{change.table, padded(change.key)};
    if (change.value) {
      rows_.insert_or_assign(std::move(place), *change.value);
    } else {
      rows_.erase(place);
    }
  }
}

std::size_t MemoryRows::count(TableId table) const {
  return static_cast<std::size_t>(std::count_if(
      rows_.begin(), rows_.end(), [table](const auto& row) { return row.first.first == table; }));
}

}  // namespace troupe::test
