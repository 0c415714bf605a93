// What the server tells Prometheus.
#pragma once

#include "runtime/actor/host.h"
#include "runtime/metrics/registry.h"

#include <memory>

namespace troupe::server {

/// Registers figures that are read at each scrape. Borrows `host`.
std::unique_ptr<metrics::CollectorRegistration> add_host_metrics(metrics::Registry& registry,
                                                                 Host& host);

}  // namespace troupe::server
