// The channels of one shard to and from the others (invariant 3).
//
//   sender's transaction -> outbox row, place n -> [on disk] -> receive(n)
//                                                                  |
//         outbox rows up to n are deleted  <-  [on disk]  <-  inbox row + "received n"
//
// Places rise by one in each channel. What is sent again after a crash is recognised by its place.
//
// Threads: any; the messages of one channel come one after the other.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/actor/shard_place.h"
#include "runtime/store/committer.h"

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace troupe {

/// A message of the outbox.
struct Posted {
  std::uint32_t to_shard = 0;
  std::uint64_t place = 0;
  Delivery delivery;
};

class Channels {
 public:
  /// Borrows all. `deliver` takes messages to actors of this shard; `acknowledge` tells a shard
  /// that its messages up to a place are on disk here.
  Channels(Store& store,
           Committer& committer,
           Numbers& numbers,
           std::function<void(Delivery)> deliver,
           std::function<void(std::uint32_t shard, std::uint64_t place)> acknowledge);

  /// A message from another shard, whose transaction is on disk.
  void receive(std::uint32_t from_shard, std::uint64_t place, Delivery delivery);

  /// The other shard has all messages up to `place` on disk.
  void acknowledged(std::uint32_t by_shard, std::uint64_t place);

  /// What the outbox holds, by shard and place: to be sent again after a start.
  std::vector<Posted> unacknowledged() const;

 private:
  // Acknowledged rows are deleted in slices: each would cost a transaction of its own else.
  static constexpr std::uint64_t slice = 64;

  Store& store_;
  Committer& committer_;
  Numbers& numbers_;
  const std::function<void(Delivery)> deliver_;
  const std::function<void(std::uint32_t, std::uint64_t)> acknowledge_;

  std::mutex mutex_;  // guards all below
  ChannelPlaces received_;
  ChannelPlaces deleted_;  // by shard: outbox rows up to here are gone, or will be
};

}  // namespace troupe
