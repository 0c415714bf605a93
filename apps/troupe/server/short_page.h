// Pages of lists whose entries may be large: such a page ends early.
#pragma once

#include "actors/lookup.h"
#include "actors/task/queries.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {

/// So much of definitions goes into one answer, or a single one that is larger. An answer is made
/// and sent in one piece; clients over RPC take no more than 64 MiB.
inline constexpr std::size_t page_bytes_max = 8 << 20;

/// The page that `list(page, next)` gives, cut where its entries get to be too large together.
/// `size_of` says how large one is. `next` becomes the token of the page that follows, if there are
/// more.
template <class List, class Size>
auto short_page(Page page, std::string& next, const List& list, const Size& size_of) {
  auto entries = list(page, next);
  std::size_t bytes = 0;
  const auto end = std::ranges::find_if(entries, [&](const auto& entry) {
    bytes += size_of(entry);
    return bytes > page_bytes_max;
  });
  const auto fit = std::max<std::size_t>(1, std::distance(entries.begin(), end));
  if (fit >= entries.size()) return entries;
  // Only the list knows what a token is made of.
  page.limit = fit;
  next.clear();
  return list(page, next);
}

/// Of a task whose definition and status are both told.
inline std::size_t whole_bytes(const task::TaskView& task) {
  return task.definition_bytes() + task.status_bytes();
}

/// The tasks of a page of ids that are visible; `list(page, next)` gives the ids.
template <class List>
std::vector<task::TaskView> page_of_tasks(const Snapshot& snapshot,
                                          const Page& page,
                                          std::string& next,
                                          const List& list) {
  const auto find_all = [&](const Page& part, std::string& token) {
    std::vector<task::TaskView> tasks;
    for (const auto& id : list(part, token)) {
      if (auto task = task::find_task(snapshot, id)) tasks.push_back(std::move(*task));
    }
    return tasks;
  };
  return short_page(page, next, find_all, whole_bytes);
}

}  // namespace troupe::server
