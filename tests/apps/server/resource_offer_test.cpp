#include "apps/troupe/server/resource_offer.h"

#include <catch2/catch.hpp>

namespace troupe::server {
namespace {

using Amounts = std::map<std::string, std::uint64_t>;

TEST_CASE("what a worker offers is read and written", "[resource_offer]") {
  struct Row {
    const char* text;
    Amounts amounts;
    const char* again;  // as it is shown
  };
  const std::vector<Row> table{
      {"cpu=8", {{"cpu", 8'000}}, "cpu=8"},
      {"cpu=0.5", {{"cpu", 500}}, "cpu=0.5"},
      {"cpu=1.125,memory=16GiB",
       {{"cpu", 1'125}, {"memory", 17'179'869'184}},
       "cpu=1.125,memory=16GiB"},
      {"memory=1000", {{"memory", 1'000}}, "memory=1000B"},
      {"licence.a-b_c=2,cpu=0", {{"licence.a-b_c", 2}, {"cpu", 0}}, "cpu=0,licence.a-b_c=2"},
  };
  for (const Row& row : table) {
    INFO(row.text);
    const auto offer = parse_resource_offer(row.text);
    REQUIRE(offer);
    CHECK(offer->amounts == row.amounts);
    CHECK(resource_offer_text(*offer) == row.again);
    CHECK(parse_resource_offer(row.again) == offer);
  }
}

TEST_CASE("no offer is none in particular", "[resource_offer]") {
  const auto offer = parse_resource_offer("");
  REQUIRE(offer);
  CHECK_FALSE(offer->amounts);
  CHECK(resource_offer_text(*offer).empty());
}

TEST_CASE("a malformed offer is refused", "[resource_offer]") {
  for (const char* text :
       {"cpu", "cpu=", "=1", "cpu=1,", ",cpu=1", "cpu=1,cpu=2", "cpu=-1", "cpu=1.", "cpu=.5",
        "cpu=1.2345", "cpu=1e3", "memory=1.5GiB", "memory=lots", "token=1.5", "token=", "to ken=1",
        "cpu=99999999999999999999", "cpu = 1"}) {
    INFO(text);
    CHECK_FALSE(parse_resource_offer(text));
  }
  CHECK_FALSE(parse_resource_offer(std::string(101, 'x') + "=1"));
}

}  // namespace
}  // namespace troupe::server
