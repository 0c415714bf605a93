// Reading all rows of one table of an actor: as it is activated, or where each of them counts.
#pragma once

#include "runtime/actor/durable_actor.h"

#include <string>
#include <string_view>

namespace troupe {

/// Rows of one look.
inline constexpr std::size_t rows_at_once = 1'000;

/// Visits all rows whose keys begin with `prefix`, in order, with key and words.
template <class Visit>
void each_row(const Rows& rows, TableId table, std::string_view prefix, Visit&& visit) {
  std::string after;
  for (;;) {
    const auto page = rows.scan(table, prefix, after, rows_at_once);
    for (const auto& row : page) visit(row.key, row.value.words());
    if (page.size() < rows_at_once) return;
    after = page.back().key;
  }
}

}  // namespace troupe
