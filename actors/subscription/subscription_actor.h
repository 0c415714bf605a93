// The kind `subscription`: how far a reader of the event log has come that the platform keeps
// itself, such as the publisher to RabbitMQ. One more, `log`, has no position: it keeps what tells
// positions of this event log from those of another deployment.
//
// Invariants:
//   S1  no part of a position ever falls;
//   S2  what a log is called never changes.
#pragma once

#include "runtime/actor/durable_actor.h"
#include "runtime/store/store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::subscription {

Kind kind();

/// The number of the last event that is behind, for each shard.
using Position = std::vector<std::uint64_t>;

/// The reader that publishes to RabbitMQ, and the log itself.
inline constexpr const char* amqp_name = "amqp";
inline constexpr const char* log_name = "log";

struct Subscription {
  std::string name;
  std::string log;
  Position position;
};

/// Commands: both are answered by the row as it is then.
Bytes begin(const std::string& log, const Position& position);
Bytes advance(const Position& position);

Subscription decode(WordSpan row);

/// From a snapshot; nothing if it has not begun.
std::optional<Subscription> find(const Snapshot& snapshot, const std::string& name);

}  // namespace troupe::subscription
