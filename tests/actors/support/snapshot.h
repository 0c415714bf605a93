// The rows of all actors as queries see them: in one store, by the actors' numbers.
#pragma once

#include "runtime/store/bytes.h"
#include "runtime/store/store.h"

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

 private:
  std::map<std::pair<TableId, std::string>, Bytes> rows_;
};

}  // namespace troupe::test
