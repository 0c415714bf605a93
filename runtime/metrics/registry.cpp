#include "runtime/metrics/registry.h"

#include "runtime/base/assert.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <list>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace troupe::metrics {

namespace {

/// The registered collectors, shared with their registrations so that either may end first.
struct Collectors {
  std::mutex mutex;
  std::list<Collector> list;  // under mutex
};

class Registration final : public CollectorRegistration {
 public:
  Registration(std::shared_ptr<Collectors> collectors, std::list<Collector>::iterator place)
      : collectors_(std::move(collectors)), place_(place) {}
  ~Registration() override {
    const std::lock_guard lock(collectors_->mutex);
    collectors_->list.erase(place_);
  }

 private:
  std::shared_ptr<Collectors> collectors_;
  std::list<Collector>::iterator place_;
};

/// Gathers one scrape's samples into families, as the text format wants them.
class ScrapeSamples final : public Samples {
 public:
  void counter(const MetricName& name, double value) override {
    add(name, prometheus::MetricType::Counter).counter.value = value;
  }
  void gauge(const MetricName& name, double value) override {
    add(name, prometheus::MetricType::Gauge).gauge.value = value;
  }

  void move_into(std::vector<prometheus::MetricFamily>& out) {
    for (auto& [name, family] : families_) out.push_back(std::move(family));
  }

 private:
  prometheus::ClientMetric& add(const MetricName& name, prometheus::MetricType type) {
    auto& family = families_[name.name];
    if (family.metric.empty()) {
      family.name = name.name;
      family.help = name.help;
      family.type = type;
    }
    TROUPE_EXPECTS(family.type == type);
    auto& metric = family.metric.emplace_back();
    for (const auto& [key, value] : name.labels) metric.label.push_back({key, value});
    return metric;
  }

  std::map<std::string, prometheus::MetricFamily> families_;
};

/// Runs `make`; what the library refuses is a bug of the caller.
template <class Make>
auto& checked(const Make& make) {
  try {
    return make();
  } catch (const std::invalid_argument& refused) {
    throw AssertionError(std::string("metric: ") + refused.what());
  }
}

}  // namespace

struct Registry::Impl {
  prometheus::Registry registry;
  std::shared_ptr<Collectors> collectors = std::make_shared<Collectors>();
};

void Counter::add(double amount) {
  TROUPE_EXPECTS(amount >= 0);
  impl_->Increment(amount);
}

void Gauge::set(double value) {
  impl_->Set(value);
}

void Gauge::add(double amount) {
  impl_->Increment(amount);
}

void Histogram::observe(double value) {
  impl_->Observe(value);
}

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::counter(const MetricName& name) {
  return Counter(checked([ this, &name ]() -> auto& {
    return prometheus::BuildCounter()
        .Name(name.name)
        .Help(name.help)
        .Register(impl_->registry)
        .Add(name.labels);
  }));
}

Gauge Registry::gauge(const MetricName& name) {
  return Gauge(checked([ this, &name ]() -> auto& {
    return prometheus::BuildGauge()
        .Name(name.name)
        .Help(name.help)
        .Register(impl_->registry)
        .Add(name.labels);
  }));
}

Histogram Registry::histogram(const MetricName& name, const std::vector<double>& bounds) {
  return Histogram(checked([ this, &name, &bounds ]() -> auto& {
    return prometheus::BuildHistogram()
        .Name(name.name)
        .Help(name.help)
        .Register(impl_->registry)
        .Add(name.labels, bounds);
  }));
}

std::unique_ptr<CollectorRegistration> Registry::add_collector(Collector collector) {
  TROUPE_EXPECTS(collector != nullptr);
  const std::lock_guard lock(impl_->collectors->mutex);
  auto& list = impl_->collectors->list;
  list.push_back(std::move(collector));
  return std::make_unique<Registration>(impl_->collectors, std::prev(list.end()));
}

std::string Registry::render() const {
  ScrapeSamples samples;
  {
    const std::lock_guard lock(impl_->collectors->mutex);
    for (const auto& collect : impl_->collectors->list) collect(samples);
  }
  auto families = impl_->registry.Collect();
  samples.move_into(families);
  // A family without metrics has nothing to say.
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<double> latency_bounds() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
}

}  // namespace troupe::metrics
