#include "actors/task_queue/lanes.h"

#include "actors/kinds.h"
#include "actors/task_queue/codec.h"
#include "runtime/base/assert.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace troupe::task_queue {

const Entry& Lanes::first(const std::string& lane) const {
  const Lane& found = lanes_.at(lane);
  TROUPE_INVARIANT(found.head.has_value());
  const Entry* entry = found.line.find(*found.head);
  TROUPE_INVARIANT(entry != nullptr);
  return *entry;
}

std::vector<std::string> Lanes::empty() const {
  std::vector<std::string> names;
  for (const auto& [when, name] : empty_) names.push_back(name);
  return names;
}

void Lanes::note_room(const std::string& lane, std::uint64_t turn) {
  Lane& found = lanes_.at(lane);
  found.seen = std::min(found.seen, turn - 1);
}

// ---- What is in memory ----

Lanes::Place Lanes::load(const std::string& lane, const Amounts& demands, bool known_empty) {
  const auto [loaded, fresh] = lanes_.try_emplace(
      lane,
      Lane{demands, Line(tables::queue_lanes.id, lane_prefix(lane), lane_size, known_empty), {}});
  TROUPE_EXPECTS(fresh);
  return loaded;
}

void Lanes::note_head(Place lane, const Rows& rows) {
  const auto& [name, found] = *lane;
  const Entry* first = lane->second.line.first(rows);
  if (found.head) heads_.erase(*found.head);
  empty_.erase(found.emptied);
  if (first != nullptr) {
    if (!found.head) unseen_.insert(name);
    heads_.emplace(first->key, name);
    lane->second.head = first->key;
    return;
  }
  unseen_.erase(name);
  lane->second.head.reset();
  lane->second.emptied = ++emptied_;
  empty_.emplace(emptied_, name);
}

void Lanes::forget(Place lane) {
  if (lane->second.head) {
    heads_.erase(*lane->second.head);
    whole_ = false;
  }
  empty_.erase(lane->second.emptied);
  lanes_.erase(lane);
}

void Lanes::forget_all() {
  lanes_.clear();
  heads_.clear();
  unseen_.clear();
  empty_.clear();
  whole_ = false;
}

void Lanes::trim() {
  TROUPE_EXPECTS(unseen_.empty());
  while (empty_.size() > empty_lanes_max) forget(lanes_.find(empty_.begin()->second));
  while (lanes_.size() > most_) forget(std::prev(lanes_.end()));
}

// ---- Changes ----

// Whether the lane has an entry besides the one that was just written.
bool Lanes::is_stored(const std::string& lane, const Rows& rows) const {
  return rows.scan(tables::queue_lanes.id, lane_prefix(lane), "", 2).size() > 1;
}

bool Lanes::add(const Entry& entry, const Rows& rows) {
  const std::string lane = lane_of(entry.demands);
  auto found = lanes_.find(lane);
  if (found == lanes_.end()) {
    // Whoever has looked at it before has nothing new to see.
    if (!whole_ && is_stored(lane, rows)) return true;
    if (lanes_.size() >= 2 * most_) {
      forget_all();
      return false;
    }
    found = load(lane, entry.demands, whole_);
  }
  found->second.line.add(entry);
  note_head(found, rows);
  return true;
}

void Lanes::remove(const Entry& entry, const Rows& rows) {
  const auto found = lanes_.find(lane_of(entry.demands));
  if (found == lanes_.end()) return;
  found->second.line.remove(entry.key);
  note_head(found, rows);
}

void Lanes::next_slice(const Rows& rows) {
  const bool from_start = cursor_.empty();
  forget_all();
  while (lanes_.size() < most_) {
    const auto next = rows.scan(tables::queue_lanes.id, "", cursor_, 1);
    if (next.empty()) {
      whole_ = from_start;
      cursor_.clear();
      break;
    }
    const Amounts demands = decode_demands(next.front().value.words());
    const std::string lane = lane_of(demands);
    const auto loaded = load(lane, demands, false);
    // Those who have not seen them all look at each slice; to the others none of it is new.
    loaded->second.seen = std::numeric_limits<std::uint64_t>::max();
    note_head(loaded, rows);
    cursor_ = behind_group(lane_prefix(lane));
  }
  unseen_.clear();
}

}  // namespace troupe::task_queue
