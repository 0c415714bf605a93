// The rows of all actors as queries see them: in one store, by the actors' numbers.
#pragma once

#include "runtime/store/bytes.h"
#include "runtime/store/store.h"

#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace troupe::test {

class MemorySnapshot final : public Snapshot {
 public:
  void put(TableId table, std::string key, Bytes value);

  std::optional<WordSpan> get(TableId table, std::string_view key) const override;
  void scan(TableId table, std::string_view from, const Visitor& visit) const override;
  std::optional<std::string> last_key_before(TableId table, std::string_view before) const override;
  std::uint64_t count(TableId table) const override;
  StoreState state() const override { return {}; }

  /// How many rows were asked for by their keys.
  std::size_t gets() const { return gets_; }

 private:
  std::map<std::pair<TableId, std::string>, Bytes> rows_;
  mutable std::size_t gets_ = 0;
};

}  // namespace troupe::test
