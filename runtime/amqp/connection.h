// A connection to an AMQP 0-9-1 broker that publishes with confirmations: librabbitmq, and its
// failures as Results.
//
// Thread: one, which may block; but for `interrupt`.
#pragma once

#include "runtime/amqp/address.h"
#include "runtime/base/result.h"
#include "runtime/base/secret.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::amqp {

struct Options {
  Address address;
  Secret password;
  std::string tls_ca;    // paths, PEM; empty: the system's authorities
  std::string tls_cert;  // of ours, with its key; empty: none
  std::string tls_key;
  Duration connect_time_max{2'000};
  Duration answer_time_max{10'000};
  Duration heartbeat{30'000};  // a broker that is silent for twice as long is gone
};

/// A persistent JSON message. Source: spec/events.md, "Message properties".
struct Outgoing {
  std::string_view exchange;
  std::string_view routing_key;
  std::vector<std::string_view> cc;  // further keys
  std::string_view body;
};

class Connection {
 public:
  virtual ~Connection() = default;

  /// Makes a topic exchange that is durable; one that is so already stays.
  virtual Status declare_topic_exchange(const std::string& name) = 0;

  /// Blocks while the broker takes nothing.
  virtual Status publish(const Outgoing& message) = 0;

  /// How many messages, of those that were published first, the broker has taken for good or
  /// refused. Waits up to `wait` for news, answers heartbeats.
  /// Errors: `unavailable` the broker is gone.
  virtual Result<std::uint64_t> settled(Duration wait) = 0;

  /// Those that it has refused since the last call, rising; the first that was published is 1. One
  /// is refused if any queue that wants it does not take it: others may have it.
  virtual std::set<std::uint64_t> take_refused() = 0;

  /// The socket, to wait for news on it with something else.
  virtual int descriptor() const = 0;

  /// From any thread: what blocks fails, now and later.
  virtual void interrupt() = 0;
};

/// Takes seconds at most, but for the look-up of the host's name.
/// Errors: `unavailable` nobody answers, or not as a broker, or it refuses the user; `invalid` a
/// file cannot be used.
Result<std::unique_ptr<Connection>> connect(const Options& options);

}  // namespace troupe::amqp
