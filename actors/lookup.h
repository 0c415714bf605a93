// Reading actors' rows from a snapshot: how queries find what a durable actor has written, without
// waking it.
#pragma once

#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "runtime/store/store.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// The whole key of an actor's row: its number, `key`, padding.
inline std::string own_key(std::uint64_t number, std::string_view key) {
  std::string full = KeyWriter().u64(number).prefix() + std::string(key);
  full.resize((full.size() + 7) / 8 * 8, '\0');
  return full;
}

/// The actor's row, in place; nothing if the actor or the row does not exist.
inline std::optional<WordSpan> own_row(const Snapshot& snapshot,
                                       const TableSpec& table,
                                       std::uint64_t number,
                                       std::string_view key = {}) {
  if (number == 0) return std::nullopt;
  return snapshot.get(table.id, own_key(number, key));
}

/// Visits the actor's rows whose key begins with `prefix` and is greater than `after`, in order,
/// until the visitor says false. Keys come without the actor's number.
inline void scan_own(const Snapshot& snapshot,
                     const TableSpec& table,
                     std::uint64_t number,
                     std::string_view prefix,
                     std::string_view after,
                     const Snapshot::Visitor& visit) {
  if (number == 0) return;
  const std::string own = KeyWriter().u64(number).prefix() + std::string(prefix);
  const std::string behind = after.empty() ? std::string() : own_key(number, after);
  const std::string start = std::max(own, behind);
  snapshot.scan(table.id, start, [&](std::string_view key, WordSpan value) {
    if (!key.starts_with(own)) return false;
    if (key <= behind) return true;
    return visit(key.substr(8), value);
  });
}

/// Visits the rows of actors that keep one row in `table`, from the newest actor to the oldest,
/// those older than `before` (an actor's number; 0: all), until the visitor says false.
void scan_newest(const Snapshot& snapshot,
                 const TableSpec& table,
                 std::uint64_t before,
                 const std::function<bool(std::uint64_t number, WordSpan value)>& visit);

/// Visits the names of actors of one kind that begin with `prefix`, those behind `after`, in order.
void scan_names(const Snapshot& snapshot,
                KindId kind,
                std::string_view prefix,
                std::string_view after,
                const std::function<bool(std::string_view key, std::uint64_t number)>& visit);

/// A page of a list: how many, and from where. Tokens are the last key, and bytes that check it.
struct Page {
  std::size_t limit = 1000;
  std::string after;
};

/// Visits the page's rows of the actor whose key begins with `prefix`, as `scan_own`. If there are
/// more, `next` becomes the token of the page that follows.
void page_own(const Snapshot& snapshot,
              const TableSpec& table,
              std::uint64_t number,
              std::string_view prefix,
              const Page& page,
              std::string& next,
              const std::function<void(std::string_view key, WordSpan value)>& visit);

/// Reads `limit` (more than 1000 means 1000; a page of 0 is the last) and an opaque token. An
/// undecodable token begins anew.
Page read_page(std::uint32_t limit, std::string_view token);
std::string write_token(std::string_view last_key);

}  // namespace troupe
