// What a service tells those who watch it, as the references tell it: kinds of lines in its log,
// and metrics. Source: spec/api-framework.md, section 2.
#pragma once

#include "runtime/process/log.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::api {

/// A field of a line, or a label of a metric.
struct Described {
  std::string name;
  std::string text;
};

/// A kind of line in the log.
struct LogType {
  std::string event;  // `task_claimed`
  std::string title;
  std::string description;
  std::optional<LogLevel> level;  // nothing: by what it tells of
  std::vector<Described> fields;  // in the order in which they are written
};

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

/// A metric. Where one has no value yet, /metrics does not name it.
struct MetricType {
  MetricKind kind = MetricKind::counter;
  std::string name;  // `http_requests_total`
  std::string help;
  std::vector<Described> labels = {};
  std::vector<double> bounds = {};  // histogram: the buckets' upper ends
};

/// All of one service.
struct ServiceTelemetry {
  std::string service;
  std::string version;
  std::vector<LogType> logs;
  std::vector<MetricType> metrics;
};

}  // namespace troupe::api
