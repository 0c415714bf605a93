#include "apps/troupe/cli/figures.h"

#include <catch2/catch.hpp>

namespace troupe::cli {

TEST_CASE("times are told from now", "[figures]") {
  using namespace std::chrono_literals;
  const Instant now{1'700'000'000'000};
  CHECK(relative_time({}, now) == "-");
  CHECK(relative_time(now, now) == "now");
  CHECK(relative_time(now - 999ms, now) == "now");
  CHECK(relative_time(now - 59s, now) == "59s ago");
  CHECK(relative_time(now - 61s, now) == "1m ago");
  CHECK(relative_time(now + 3h, now) == "in 3h");
  CHECK(relative_time(now + 49h, now) == "in 2d");
  CHECK(relative_time(now + 13h, now) == "in 13h");
  // What was just given 30 days has 30 days.
  CHECK(relative_time(now + Duration{24h * 30} - 400ms, now) == "in 30d");
  CHECK(relative_time(now - Duration{24h * 800}, now) == "2y ago");
}

TEST_CASE("a span without an end goes on until now", "[figures]") {
  using namespace std::chrono_literals;
  const Instant now{1'700'000'000'000};
  CHECK(elapsed({}, {}, now) == "-");
  CHECK(elapsed(now - 2s, {}, now) == format_duration(2s));
  CHECK(elapsed(now - 5s, now - 2s, now) == format_duration(3s));
  CHECK(elapsed(now + 5s, {}, now) == format_duration(0s));
}

TEST_CASE("sizes are told in the unit that fits", "[figures]") {
  CHECK(format_bytes(-1) == "-");
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(1023) == "1023 B");
  CHECK(format_bytes(1536) == "1.5 KiB");
  CHECK(format_bytes(std::int64_t{5} << 30) == "5.0 GiB");
  CHECK(format_bytes(std::int64_t{3000} << 40) == "3000.0 TiB");
}

}  // namespace troupe::cli
