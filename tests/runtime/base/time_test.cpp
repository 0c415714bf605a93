#include "runtime/base/time.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

TEST_CASE("times are read with any offset", "[time]") {
  const auto [text, meant] = GENERATE(table<std::string, std::string>({
      {"2026-01-31T08:00:00Z", "2026-01-31T08:00:00.000Z"},
      {"2026-01-31t08:00:00.1z", "2026-01-31T08:00:00.100Z"},
      {"2026-01-31 08:00:00.123456789+01:30", "2026-01-31T06:30:00.123Z"},
      {"2026-01-31T08:00:00-0100", "2026-01-31T09:00:00.000Z"},
      {"2026-01-31T08:00:00+02", "2026-01-31T06:00:00.000Z"},
      {"2026-01-31T08:00:00", "2026-01-31T08:00:00.000Z"},
      {"2026-01-31T23:59:60Z", "2026-02-01T00:00:00.000Z"},
  }));
  const auto time = parse_time(text);
  REQUIRE(time);
  CHECK(format_time(*time) == meant);
}

TEST_CASE("what is no time is not read", "[time]") {
  const auto text =
      GENERATE(as<std::string>(), "", "2026-01-31", "2026-01-31T08:00", "2026-01-31T08:00Z",
               "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-31T24:00:00Z",
               "2026-01-31T08:00:00.Z", "2026-01-31T08:00:00+1",
               "2026-01-31T08:00:00+01:", "2026-01-31T08:00:00+01:6", "2026-01-31T08:00:00+24:00",
               "2026-01-31T08:00:00Z ", "2026-01-31T08:00:60Z", "2026-01-31T23:59:61Z");
  CHECK_FALSE(parse_time(text));
}

}  // namespace
}  // namespace troupe
