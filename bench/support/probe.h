// Another client, that keeps sending small commands while something large goes on, and notes how
// long each waits for its answer.
#pragma once

#include "bench/support/platform.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe::bench {

/// Times of many calls.
struct Latencies {
  std::vector<double> seconds;

  double max_ms() const;
  /// `share` of them took no longer: 0.99 for p99.
  double quantile_ms(double share) const;
};

/// Creates tasks of one group, in turns on `queues`, and asks for the status of each.
class Probe {
 public:
  /// So many at a time, each once the one before is answered.
  Probe(std::unique_ptr<client::Connection> connection,
        std::vector<std::string> queues,
        std::size_t in_flight);

  /// Until `stop`, which lets those under way end.
  void start();
  void stop(kj::WaitScope& wait_scope);

  const Latencies& creations() const { return creations_; }
  const Latencies& queries() const { return queries_; }

  /// Tasks that it has made in one of its queues.
  std::size_t created_in(const std::string& queue) const;

 private:
  kj::Promise<void> lane();

  const std::unique_ptr<client::Connection> connection_;
  const std::vector<std::string> queues_;
  const std::size_t in_flight_;
  const std::string group_;

  std::size_t next_ = 0;
  std::vector<std::size_t> created_;  // by queue
  bool stopping_ = false;
  Latencies creations_;
  Latencies queries_;
  kj::Promise<void> lanes_ = kj::READY_NOW;
};

}  // namespace troupe::bench
