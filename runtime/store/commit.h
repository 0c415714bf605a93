// What one handled message leaves behind, on its way to disk.
#pragma once

#include "runtime/store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace troupe {

/// A message that its sender's transaction puts into an inbox.
struct InboxPut {
  std::uint64_t number = 0;
  std::function<Bytes()> encode;  // the row; asked only if the receiver is not as fast as the disk
};

/// A message to another shard: kept in the outbox until that shard has it on disk.
struct ChannelPut {
  std::uint32_t to_shard = 0;
  Bytes envelope;  // the row of the outbox
  /// Called once it is on disk, in the order of the channel, with its place there.
  std::function<void(std::uint64_t place)> hand_over;
};

/// Lands whole or not at all.
struct Commit {
  std::vector<RowOp> rows;
  std::vector<InboxPut> inbox_puts;
  std::vector<std::uint64_t> inbox_deletes;
  std::vector<ChannelPut> channel_puts;
  std::vector<Bytes> events;                   // rows of the event log, not yet numbered
  std::vector<std::function<void()>> outputs;  // run on the committer's thread: hand over only
  std::shared_ptr<const void> credit;          // let go when this is on disk
};

}  // namespace troupe
