// Whether stored rows hold together: what every kind of actor's checks are made of, and the checks
// of the runtime's own tables. Nothing is changed, nothing is trusted; rows are read in the order
// of their keys, so that memory does not grow with the store.
#pragma once

#include "runtime/actor/actor_id.h"
#include "runtime/base/time.h"
#include "runtime/store/composer.h"
#include "runtime/store/store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace troupe {

/// What a check has seen, and what is wrong.
class Findings {
 public:
  static constexpr std::size_t kept_max = 1'000;  // later ones are only counted

  struct Finding {
    std::string where;  // `task/dSlITZ4yQgmvxxAi4A8fHQ`, `timers row 00ab...`
    std::string what;   // one line
  };

  void add(std::string where, std::string what);
  void expect(bool holds, const std::string& where, const char* what) {
    if (!holds) add(where, what);
  }
  /// Runs `read`; if it throws, the row does not decode, which is a finding.
  void guard(const std::string& where, const std::function<void()>& read);
  void count(const std::string& name, std::uint64_t rows) { counts_[name] += rows; }

  const std::vector<Finding>& kept() const { return kept_; }
  std::uint64_t total() const { return total_; }
  /// Rows by table, and actors by kind (`task actors`).
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  std::vector<Finding> kept_;
  std::uint64_t total_ = 0;
  std::map<std::string, std::uint64_t> counts_;
};

/// Reads a key that may be damaged: every part may be missing.
class DoubtfulKey {
 public:
  explicit DoubtfulKey(std::string_view key) : rest_(key), whole_(key.size() % 8 == 0) {}
  std::optional<std::uint64_t> number(std::size_t bytes);
  std::optional<std::string_view> text();
  /// Whether all parts were there and only padding is left.
  bool ends() const;

 private:
  std::string_view rest_;
  bool whole_;
};

/// Rows of one table in order, some at a time; they are copies.
class RowCursor {
 public:
  RowCursor(const Snapshot& snapshot, TableId table) : snapshot_(snapshot), table_(table) {
    load();
  }
  explicit operator bool() const { return at_ < page_.size(); }
  std::string_view key() const { return page_[at_].key; }
  WordSpan words() const { return page_[at_].value.words(); }
  /// The number that own rows begin with; 0 if the key is too short.
  std::uint64_t number() const;
  void next();

 private:
  struct Row {
    std::string key;
    Bytes value;
  };
  void load();

  const Snapshot& snapshot_;
  const TableId table_;
  std::vector<Row> page_;
  std::size_t at_ = 0;
};

/// What a kind's checks need to know of it.
struct CheckedKind {
  KindId id;
  std::string name;
  TableSpec state;              // one row for each actor, and no actor without
  std::vector<TableSpec> sets;  // its other tables
  /// The key of the actor, from its state row.
  std::function<std::string(WordSpan row)> key_of;
  /// Throws if a message of this kind does not decode.
  std::function<void(WordSpan body)> decode_message;
};

/// Where an actor's rows are.
struct Located {
  const Snapshot* snapshot = nullptr;
  std::uint64_t number = 0;  // 0: it has none
  explicit operator bool() const { return number != 0; }
};

/// All shards of a store that nobody writes to.
class CheckView {
 public:
  /// Borrows all, which are of the same moment. Reads all messages that are on their way.
  CheckView(std::vector<const Snapshot*> shards, Instant now, Findings& findings);

  const std::vector<const Snapshot*>& shards() const { return shards_; }
  Findings& findings() const { return findings_; }
  Instant now() const { return now_; }

  Located locate(const ActorId& id) const;
  /// A row of the actor, in place; nothing without one.
  std::optional<WordSpan> row(const Located& actor,
                              const TableSpec& table,
                              std::string_view key = {}) const;
  /// The attempt of the actor's timer of this name; nothing if it is not set.
  std::optional<std::uint64_t> timer(const Located& actor, const std::string& name) const;

  /// The last place that `shard` has given to a message to `other`, or taken from it; 0 for none.
  std::uint64_t channel(ChannelEnd end, std::uint32_t shard, std::uint32_t other) const;

  /// Visits the messages from one actor to another that wait in an inbox, are between shards or
  /// parked; timers that are parked come from nobody. Until the visitor says true, which is then
  /// the answer.
  bool any_message(const ActorId& from,
                   const ActorId& to,
                   const std::function<bool(WordSpan body, std::string_view timer)>& matches) const;

 private:
  struct Place {
    std::uint32_t shard = 0;
    TableId table;
    std::uint32_t to_shard = 0;  // of the outbox
    std::uint64_t number = 0;    // of the outbox: the place in the channel
    std::string key() const;
  };
  void read_channels(std::uint32_t shard);
  void read_messages(std::uint32_t shard, const TableSpec& table);
  void read_outbox(std::uint32_t shard);
  void remember(const Place& place, WordSpan words);

  const std::vector<const Snapshot*> shards_;
  const Instant now_;
  Findings& findings_;
  std::map<std::tuple<ChannelEnd, std::uint32_t, std::uint32_t>, std::uint64_t> channels_;
  std::unordered_multimap<std::size_t, Place> messages_;  // by a hash of both ends
};

/// The rows of one kind in one shard, actor by actor; sets without their actor are findings.
class ActorRows {
 public:
  ActorRows(const Snapshot& snapshot, const CheckedKind& kind, Findings& findings);

  /// Calls `visit` with each actor that has a state row. It must not keep what it is given.
  void each(const std::function<void(std::uint64_t number, WordSpan state)>& visit);

  /// The rows of a set (its place in `CheckedKind::sets`) of the actor that is being visited. Keys
  /// come without the number. At most once for each set and actor.
  void rows(std::size_t set, const std::function<void(std::string_view key, WordSpan row)>& visit);

 private:
  void skip_orphans(std::size_t set, std::uint64_t below);

  const CheckedKind& kind_;
  Findings& findings_;
  std::uint64_t number_ = 0;
  RowCursor state_;
  std::vector<RowCursor> sets_;
};

/// Events that a restore skips: no position that anybody has seen is given again.
inline constexpr std::uint64_t events_skipped = 1ULL << 32;

/// The runtime's own tables against each other and against the kinds' state rows: names, inboxes,
/// dead letters, timers both ways, events without gaps, numbers within what is reserved, channels
/// between shards.
void check_runtime(const CheckView& view, const std::vector<CheckedKind>& kinds);

}  // namespace troupe
