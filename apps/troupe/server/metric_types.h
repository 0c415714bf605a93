// What the server tells Prometheus: one table, by which metrics are made and published
// (`/references/<service>/v1/metrics.json`). Each has its line in docs/operations.md.
#pragma once

#include "runtime/api/telemetry.h"
#include "runtime/metrics/registry.h"

#include <string_view>
#include <vector>

namespace troupe::server {

/// Those of a service: its own, and those that all have. What is of no service in particular, the
/// process and its store, is the service `troupe`'s.
std::vector<api::MetricType> metric_types(std::string_view service);

/// A metric of the table with these values of its labels. Requires: it is there, and has these
/// labels. Thread: any.
metrics::MetricName metric(std::string_view name, metrics::Labels labels = {});

/// The upper ends of a histogram's buckets. Requires: it is in the table.
const std::vector<double>& metric_bounds(std::string_view name);

}  // namespace troupe::server
