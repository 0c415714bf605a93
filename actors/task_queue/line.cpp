#include "actors/task_queue/line.h"

#include "actors/task_queue/codec.h"

#include <iterator>

namespace troupe::task_queue {

const Entry* Line::first(const Rows& rows) {
  if (window_.empty() && !whole_) refill(rows);
  return window_.empty() ? nullptr : &window_.begin()->second;
}

void Line::refill(const Rows& rows) {
  const auto found = rows.scan(table_, prefix_, "", size_.goal);
  for (const auto& row : found) {
    Entry entry = decode_entry(row.key.substr(prefix_.size()), row.value.words());
    const EntryKey key = entry.key;
    window_.emplace_hint(window_.end(), key, std::move(entry));
  }
  whole_ = found.size() < size_.goal;
}

void Line::add(const Entry& entry) {
  // One behind the window's end must not overtake those that are only on disk.
  const bool inside = whole_ || (!window_.empty() && entry.key < window_.rbegin()->first);
  if (!inside) return;
  window_.emplace(entry.key, entry);
  if (window_.size() <= size_.most) return;
  window_.erase(std::next(window_.begin(), static_cast<std::ptrdiff_t>(size_.goal)), window_.end());
  whole_ = false;
}

const Entry* Line::find(const EntryKey& key) const {
  const auto found = window_.find(key);
  return found == window_.end() ? nullptr : &found->second;
}

}  // namespace troupe::task_queue
