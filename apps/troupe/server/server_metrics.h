// What the server tells Prometheus. Each metric has its line in docs/operations.md.
#pragma once

#include "runtime/actor/host.h"
#include "runtime/metrics/registry.h"

#include <cstddef>
#include <memory>

namespace troupe::server {

/// Queues that have labels of their own: those with the most pending runs. The others are added up
/// under the label values `(other)`, which no queue can have.
inline constexpr std::size_t queues_labelled_max = 100;

/// What is measured where it happens. Made before the host that feeds it, and good as long as its
/// registry.
struct HostHistograms {
  explicit HostHistograms(metrics::Registry& registry);

  metrics::Histogram commit_seconds;
  metrics::Histogram batch_commits;
  metrics::Histogram timer_late_seconds;
};

/// Registers figures that are read at each scrape. Borrows `host` and `clock`.
std::unique_ptr<metrics::CollectorRegistration> add_host_metrics(metrics::Registry& registry,
                                                                 Host& host,
                                                                 const Clock& clock);

}  // namespace troupe::server
