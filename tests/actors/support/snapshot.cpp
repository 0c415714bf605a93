#include "tests/actors/support/snapshot.h"

#include <algorithm>
#include <iterator>

namespace troupe::test {

void MemorySnapshot::put(TableId table, std::string key, Bytes value) {
  rows_.insert_or_assign({table, std::move(key)}, std::move(value));
}

std::optional<WordSpan> MemorySnapshot::get(TableId table, std::string_view key) const {
  ++gets_;
  const auto found = rows_.find({table, std::string(key)});
  if (found == rows_.end()) return std::nullopt;
  return found->second.words();
}

void MemorySnapshot::scan(TableId table, std::string_view from, const Visitor& visit) const {
  for (auto at = rows_.lower_bound({table, std::string(from)}); at != rows_.end(); ++at) {
    if (at->first.first != table || !visit(at->first.second, at->second.words())) return;
  }
}

std::optional<std::string> MemorySnapshot::last_key_before(TableId table,
                                                           std::string_view before) const {
  const auto at = rows_.lower_bound({table, std::string(before)});
  if (at == rows_.begin() || std::prev(at)->first.first != table) return std::nullopt;
  return std::prev(at)->first.second;
}

std::uint64_t MemorySnapshot::count(TableId table) const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(rows_, [table](const auto& row) { return row.first.first == table; }));
}

}  // namespace troupe::test
