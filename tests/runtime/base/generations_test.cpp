#include "runtime/base/generations.h"

#include <catch2/catch.hpp>

#include <string>

namespace troupe {
namespace {

TEST_CASE("what is kept is found, and replaced by what comes later", "[generations]") {
  Generations<int> kept({.count_max = 2, .bytes_max = 100});
  CHECK(kept.find("a") == nullptr);
  kept.keep("a", 1, 4);
  REQUIRE(kept.find("a") != nullptr);
  CHECK(*kept.find("a") == 1);
  kept.keep("a", 2, 4);
  CHECK(*kept.find("a") == 2);
  CHECK(kept.size() == 1);
  kept.clear();
  CHECK(kept.find("a") == nullptr);
  CHECK(kept.size() == 0);
}

TEST_CASE("what is asked for again outlives what is not, by number", "[generations]") {
  Generations<int> kept({.count_max = 2, .bytes_max = 1'000});
  kept.keep("used", 1, 1);
  for (int i = 0; i < 100; ++i) {
    kept.keep(std::to_string(i), i, 1);
    REQUIRE(kept.find("used") != nullptr);
    REQUIRE(kept.size() <= 4);
  }
  CHECK(kept.find("0") == nullptr);
  CHECK(*kept.find("99") == 99);
}

TEST_CASE("and by bytes, those of keys included", "[generations]") {
  Generations<int> kept({.count_max = 100, .bytes_max = 40});
  for (int i = 10; i < 50; ++i) {
    kept.keep(std::to_string(i), i, 8);
    REQUIRE(kept.size() <= 8);
  }
  CHECK(*kept.find("49") == 49);

  SECTION("a value that alone is beyond the limit is kept until another comes, twice") {
    kept.keep("big", 1, 1'000);
    CHECK(*kept.find("big") == 1);
    kept.keep("x", 2, 1);
    kept.keep("y", 3, 30);
    kept.keep("z", 4, 30);
    CHECK(kept.find("big") == nullptr);
  }
  SECTION("what is replaced no longer counts") {
    for (int i = 0; i < 100; ++i) kept.keep("same", i, 30);
    kept.keep("other", 1, 0);
    CHECK(*kept.find("same") == 99);
    CHECK(*kept.find("other") == 1);
  }
}

}  // namespace
}  // namespace troupe
