#include "runtime/metrics/registry.h"

#include "runtime/base/assert.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace troupe;
using Catch::Matchers::Contains;

TEST_CASE("metrics are rendered in the text format", "[metrics]") {
  metrics::Registry registry;

  SECTION("a counter") {
    auto requests = registry.counter({"requests_total", "Requests answered.", {{"kind", "a"}}});
    requests.add();
    requests.add(2);
    CHECK_THAT(registry.render(), Contains("# HELP requests_total Requests answered.\n"
                                           "# TYPE requests_total counter\n"
                                           "requests_total{kind=\"a\"} 3"));
  }
  SECTION("a gauge") {
    auto open = registry.gauge({"open_files", "Files open.", {}});
    open.set(5);
    open.add(-2);
    CHECK_THAT(registry.render(), Contains("open_files 3"));
  }
  SECTION("a histogram") {
    auto latency = registry.histogram({"latency_seconds", "Latency.", {}}, {0.1, 1});
    latency.observe(0.05);
    latency.observe(0.5);
    latency.observe(5);
    const auto text = registry.render();
    CHECK_THAT(text, Contains("latency_seconds_count 3"));
    CHECK_THAT(text, Contains("latency_seconds_bucket{le=\"0.1\"} 1"));
    CHECK_THAT(text, Contains("latency_seconds_bucket{le=\"+Inf\"} 3"));
  }
  SECTION("nothing") {
    CHECK(registry.render().empty());
  }
}

TEST_CASE("the same name and labels give the same metric", "[metrics]") {
  metrics::Registry registry;
  registry.counter({"hits_total", "Hits.", {}}).add();
  registry.counter({"hits_total", "Hits.", {}}).add();
  CHECK_THAT(registry.render(), Contains("hits_total 2"));
}

TEST_CASE("a metric that cannot be is a bug", "[metrics]") {
  metrics::Registry registry;
  registry.counter({"hits_total", "Hits.", {}});
  CHECK_THROWS_AS(registry.gauge({"hits_total", "Hits.", {}}), AssertionError);
  CHECK_THROWS_AS(registry.counter({"no spaces", "", {}}), AssertionError);
  CHECK_THROWS_AS(registry.counter({"hits_total", "Hits.", {}}).add(-1), AssertionError);
}

TEST_CASE("collectors are asked at each scrape", "[metrics]") {
  metrics::Registry registry;
  int scrapes = 0;
  auto registration = registry.add_collector([&scrapes](metrics::Samples& samples) {
    samples.gauge({"scrapes", "Scrapes so far.", {}}, ++scrapes);
    samples.counter({"moved_total", "Moved.", {{"way", "in"}}}, 7);
    samples.counter({"moved_total", "Moved.", {{"way", "out"}}}, 8);
  });
  CHECK_THAT(registry.render(), Contains("scrapes 1") && Contains("moved_total{way=\"in\"} 7") &&
                                    Contains("moved_total{way=\"out\"} 8"));
  CHECK_THAT(registry.render(), Contains("scrapes 2"));

  registration.reset();
  CHECK(registry.render().empty());
  CHECK(scrapes == 2);
}

TEST_CASE("a registration may outlive its registry", "[metrics]") {
  auto registry = std::make_unique<metrics::Registry>();
  auto registration = registry->add_collector([](metrics::Samples&) {});
  registry.reset();
  registration.reset();
}

TEST_CASE("handles are used from several threads", "[metrics]") {
  metrics::Registry registry;
  const auto hits = registry.counter({"hits_total", "Hits.", {}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([counter = hits]() mutable {
      for (int n = 0; n < 10'000; ++n) counter.add();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_THAT(registry.render(), Contains("hits_total 40000"));
}
