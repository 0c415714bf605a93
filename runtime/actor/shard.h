// One shard of a node: its store, committer, timers, channels and the directory of its actors.
// Who runs the actors is told by the node: free of CAF.
#pragma once

#include "runtime/actor/cell.h"
#include "runtime/actor/channels.h"
#include "runtime/actor/dead_letters.h"
#include "runtime/actor/directory.h"
#include "runtime/actor/timer_service.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What a shard asks of its node. Called from any thread.
struct ShardLinks {
  std::function<void(Delivery)> deliver;  // to an actor of this shard
  std::function<void(Delivery)> wake;     // the same, for a timer that is due
  TimerTable::TakeCredit may_wake;        // whether there is a credit for it
  std::function<void(const std::shared_ptr<Entry>&)> activate;
  std::function<void(std::vector<Reply>)> reply;
  std::function<void(std::uint32_t to_shard, std::uint64_t place, Delivery)> hand_over;
  std::function<void(std::uint32_t shard, std::uint64_t place)> acknowledge;
  std::function<void(const std::string& kind,
                     const std::string& event,
                     const ActorId& id,
                     const std::string& detail)>
      report;
  Committer::Hooks committer;
};

class Shard {
 public:
  /// Borrows `clock` and `suspects`; `latest` is shared by all shards of the process.
  Shard(const Clock& clock,
        std::unique_ptr<Store> store,
        Suspects& suspects,
        ShardPlace place,
        std::shared_ptr<LatestCount> latest,
        TimerOptions timer_options,
        Committer::Drive drive,
        ShardLinks links);

  /// A command for an actor of this shard.
  Delivery command(ActorId to, Bytes body, ReplyTo reply_to);

  // Each borrows those above it.
  const std::unique_ptr<Store> store;
  Numbers numbers;
  Directory directory;
  TimerTable timers;
  Committer committer;
  Channels channels;
  const CellServices cells;
  TimerService timer_service;
  DeadLetters letters;
};

}  // namespace troupe
