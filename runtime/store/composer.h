// Makes the rows of a batch from commits: numbers their events and channel messages, and keeps the
// last change of each key. Messages that were put and deleted within the batch leave nothing.
#pragma once

#include "runtime/store/commit.h"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// By shard: the place of the last message in the channel to it.
using ChannelPlaces = std::map<std::uint32_t, std::uint64_t>;

/// Rows of the table of channels. `sent`: the last place that was given to a message to that
/// shard; `received`: the last place that was taken from it.
enum class ChannelEnd : std::uint8_t { sent = 0, received = 1 };
std::string channel_key(ChannelEnd end, std::uint32_t shard);
Bytes channel_row(std::uint64_t place);
ChannelPlaces read_channels(const Snapshot& snapshot, ChannelEnd end);
/// The key of the outbox.
std::string outbox_key(std::uint32_t to_shard, std::uint64_t place);

class Composer {
 public:
  /// Counts on in `state` and `sent`, which outlive it.
  Composer(StoreState& state, ChannelPlaces& sent) : state_(state), sent_(sent) {}

  /// Takes the commit's rows, messages and events; leaves its outputs. `places` gets the place of
  /// each of its channel messages.
  void add(Commit& commit, std::vector<std::uint64_t>& places);

  /// All rows, sorted by table and key, each key once.
  std::vector<RowOp> finish();

 private:
  StoreState& state_;
  ChannelPlaces& sent_;
  std::vector<RowOp> rows_;  // in the order of the changes
  std::unordered_map<std::uint64_t, InboxPut> inbox_;
  ChannelPlaces sent_now_;  // channels that this batch adds to
};

}  // namespace troupe
