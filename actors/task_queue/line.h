// One range of entries, whose beginning is in memory: a range of a million costs what a short one
// costs.
//
// Invariant Q1: the window is the beginning of the range: no row sorts before its last entry and is
// not in it.
#pragma once

#include "actors/task_queue/entry.h"
#include "runtime/actor/durable_actor.h"

#include <cstddef>
#include <map>
#include <string>

namespace troupe::task_queue {

struct LineSize {
  std::size_t goal = 1'000;  // entries that are read at once
  std::size_t most = 3'000;  // in memory; of more, all but `goal` are forgotten
};

class Line {
 public:
  /// `whole`: the range is known to be empty.
  Line(TableId table, std::string prefix, LineSize size, bool whole)
      : table_(table), prefix_(std::move(prefix)), size_(size), whole_(whole) {}

  /// The most urgent entry; nothing if the range is empty. `rows` have all changes.
  const Entry* first(const Rows& rows);
  /// It is in the rows by now.
  void add(const Entry& entry);
  /// It is out of the rows by now.
  void remove(const EntryKey& key) { window_.erase(key); }
  /// The entry, if it is in the window.
  const Entry* find(const EntryKey& key) const;

  std::size_t in_memory() const { return window_.size(); }
  bool whole() const { return whole_; }

 private:
  void refill(const Rows& rows);

  TableId table_;
  std::string prefix_;
  LineSize size_;
  bool whole_ = false;  // the window holds every entry
  std::map<EntryKey, Entry> window_;
};

}  // namespace troupe::task_queue
