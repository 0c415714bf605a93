// The row that an actor keeps its own state in.
#pragma once

#include "runtime/actor/durable_actor.h"

#include <algorithm>
#include <utility>

namespace troupe {

/// Remembers the row as it was last written, so that a message which changes nothing writes
/// nothing.
class StateRow {
 public:
  StateRow(const TableSpec& table, const Rows& rows)
      : table_(table), row_(rows.get(table.id, "").value_or(Bytes())) {}

  bool exists() const { return !row_.empty(); }
  WordSpan words() const { return row_.words(); }

  /// Adds `row` to the effects if it differs.
  void put(Bytes row, Effects& effects) {
    if (std::ranges::equal(row.words(), row_.words())) return;
    row_ = row;
    effects.rows.push_back({table_.id, "", std::move(row)});
  }

  /// The row is gone: the next one is new, whatever it says.
  void forget() { row_ = {}; }

 private:
  const TableSpec& table_;
  Bytes row_;
};

}  // namespace troupe
