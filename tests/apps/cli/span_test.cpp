#include "apps/troupe/cli/span.h"

#include <catch2/catch.hpp>

namespace troupe::cli {

TEST_CASE("a span ends so long after now", "[span]") {
  using namespace std::chrono_literals;
  const Instant now{1'700'000'000'000};
  CHECK(end_of_span("--for", "2h", "2h", now).value() == now + 2h);
  CHECK(end_of_span("--for", "5x", "2h or 1d", now).error().detail ==
        "--for 5x: give a duration such as 2h or 1d");
  CHECK(!end_of_span("--for", "0s", "2h", now).ok());
}

TEST_CASE("a span ends within the times that can be written", "[span]") {
  const Instant now{253'402'300'799'999 - 1'000};
  CHECK(format_time(end_of_span("--for", "1s", "2h", now).value()) == "9999-12-31T23:59:59.999Z");
  // So long that the sum would overflow, too.
  for (const char* text : {"1001ms", "99999999d", "9223372036854775807ms"}) {
    const auto end = end_of_span("--for", text, "2h", now);
    REQUIRE(!end.ok());
    CHECK(end.error().detail == std::string("--for ") + text +
                                    ": that ends after the year 9999: give a shorter one, such as "
                                    "2h");
  }
}

}  // namespace troupe::cli
