// Publishes the event log to RabbitMQ: each entry at least once, in its order, from where it was
// before; on a thread of its own, which alone waits for the broker.
//
//   log --> [a window] --> broker --> confirmations --> position, a row (actors/subscription)
//
// The log is the queue between: as long as the broker is down it is kept from there on, beyond its
// retention, up to a size of its own. After a loss of the connection what was not confirmed is sent
// again; so is what a queue refuses, a few times: then it is counted, and the others go on.
#pragma once

#include "apps/troupe/server/event_feed.h"
#include "runtime/actor/host.h"
#include "runtime/amqp/connection.h"
#include "runtime/metrics/registry.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::server {

struct PublisherOptions {
  amqp::Options broker;
  EventPosition begin;                 // where it is
  std::vector<std::string> exchanges;  // that are there from the first connection on
  std::size_t window = 1'000;          // messages that wait for confirmation, at most
};

class AmqpPublisher {
 public:
  /// Stops, whatever the broker does: at once when there is a connection, within seconds while one
  /// is being made.
  virtual ~AmqpPublisher() = default;
};

/// Starts it. Borrows all, which outlive it. It never fails: what is wrong is logged, once for each
/// time that the broker cannot be had, and it tries again.
std::unique_ptr<AmqpPublisher> start_publisher(Host& host,
                                               EventFeed& events,
                                               metrics::Registry& registry,
                                               PublisherOptions options);

}  // namespace troupe::server
