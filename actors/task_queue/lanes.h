// Entries that ask for resources: a lane for each combination, so that one that is too big for all
// waiting workers blocks no other.
//
// What fits a worker depends on the lane alone, not on its entries: waiters look at a lane once,
// when it is new, and not again with every entry. A lane that has run empty is remembered for a
// while, so that the next entry need not ask again those who were too small for the last.
//
// At most so many lanes have their beginnings in memory. Of more the rest is read, slice after
// slice, for those who found nothing among these.
#pragma once

#include "actors/task_queue/line.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::task_queue {

/// In memory. Twice as many may be until there is time to see which can go.
inline constexpr std::size_t lanes_max = 1'000;
/// Of them without entries.
inline constexpr std::size_t empty_lanes_max = 32;
inline constexpr LineSize lane_size{16, 48};

class Lanes {
 public:
  struct Lane {
    Amounts demands;
    Line line;
    std::optional<EntryKey> head;  // as in `heads`; none: it is empty
    std::uint64_t emptied = 0;     // when it became so, as in `empty`
    // Of those whose turns come up to this one, all that do not look anew at all lanes are too
    // small for it.
    std::uint64_t seen = 0;
  };

  explicit Lanes(std::size_t most = lanes_max) : most_(most) {}

  /// The most urgent entry of each lane in memory, by key; the lane's name.
  const std::map<EntryKey, std::string>& heads() const { return heads_; }
  const Lane& at(const std::string& lane) const { return lanes_.at(lane); }
  const Entry& first(const std::string& lane) const;

  /// Names of those with entries that not all have looked at.
  const std::set<std::string>& unseen() const { return unseen_; }
  /// All have looked at it whose turns come up to this one.
  void note_seen(const std::string& lane, std::uint64_t turn) { lanes_.at(lane).seen = turn; }
  /// All have looked at it.
  void end_look(const std::string& lane) { unseen_.erase(lane); }
  /// Those in memory that have no entries.
  std::vector<std::string> empty() const;
  /// One whose turn this is has room for the lane, which is empty.
  void note_room(const std::string& lane, std::uint64_t turn);

  /// It is in the rows by now. False: lanes were forgotten that not all have looked at.
  [[nodiscard]] bool add(const Entry& entry, const Rows& rows);
  /// It is out of the rows by now.
  void remove(const Entry& entry, const Rows& rows);
  /// Forgets what is too much. Requires that all who wait have looked at all lanes in memory.
  void trim();

  /// Whether all lanes that there are are in memory.
  bool whole() const { return whole_; }
  /// Whether the lanes in memory are the last of a lap through all.
  bool at_end() const { return cursor_.empty(); }
  /// Takes the next lanes into memory in place of the present ones.
  void next_slice(const Rows& rows);

 private:
  using Place = std::map<std::string, Lane>::iterator;

  Place load(const std::string& lane, const Amounts& demands, bool known_empty);
  void note_head(Place lane, const Rows& rows);
  void forget(Place lane);
  void forget_all();
  bool is_stored(const std::string& lane, const Rows& rows) const;

  std::size_t most_;
  std::map<std::string, Lane> lanes_;
  std::map<EntryKey, std::string> heads_;
  std::set<std::string> unseen_;
  std::map<std::uint64_t, std::string> empty_;  // in the order in which they became so
  std::uint64_t emptied_ = 0;                   // how often a lane did
  bool whole_ = false;
  std::string cursor_;  // lanes up to here have been in memory in this lap
};

}  // namespace troupe::task_queue
