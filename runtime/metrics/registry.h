// Numbers for Prometheus: handles for hot paths, callbacks for what is counted elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace troupe::metrics {

using Labels = std::map<std::string, std::string>;

/// What a metric is called. The name is fixed in the code and ends in its unit: `_total`,
/// `_seconds`, `_bytes`. Labels have few values: never an id.
struct MetricName {
  std::string name;
  std::string help;
  Labels labels;
};

/// Handles are values, good as long as their registry. Any thread; an update is one atomic step.
class Counter {
 public:
  explicit Counter(prometheus::Counter& impl) : impl_(&impl) {}
  /// Requires amount >= 0.
  void add(double amount = 1);

 private:
  prometheus::Counter* impl_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& impl) : impl_(&impl) {}
  void set(double value);
  void add(double amount);

 private:
  prometheus::Gauge* impl_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& impl) : impl_(&impl) {}
  void observe(double value);

 private:
  prometheus::Histogram* impl_;
};

/// What a collector adds to one scrape.
class Samples {
 public:
  virtual ~Samples() = default;
  virtual void counter(const MetricName& name, double value) = 0;
  virtual void gauge(const MetricName& name, double value) = 0;
};
using Collector = std::function<void(Samples&)>;

/// Keeps a collector registered. After its destructor the collector is not called any more.
class CollectorRegistration {
 public:
  virtual ~CollectorRegistration() = default;
};

/// Thread safety: any thread. The same name and labels give the same metric again; a name used for
/// another kind, or a malformed one, is a bug and fails an assertion.
class Registry {
 public:
  /// The content type of `render`.
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter counter(const MetricName& name);
  Gauge gauge(const MetricName& name);
  /// `bounds` are the buckets' upper ends, rising; the one for all the rest is added.
  Histogram histogram(const MetricName& name, const std::vector<double>& bounds);

  /// `collector` is called at each scrape, on the scraping thread; it must be quick. The
  /// registration may outlive the registry.
  [[nodiscard]] std::unique_ptr<CollectorRegistration> add_collector(Collector collector);

  /// All metrics in Prometheus' text format.
  std::string render() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Bounds for what takes from a tenth of a millisecond to a minute, in seconds.
std::vector<double> latency_bounds();

}  // namespace troupe::metrics
