#include "runtime/base/counted.h"

#include <catch2/catch.hpp>

#include <cstdint>

using namespace troupe;

TEST_CASE("one thing has no plural", "[base]") {
  CHECK(counted(1, "task") == "1 task");
  CHECK(counted(0, "task") == "0 tasks");
  CHECK(counted(std::uint64_t{2}, "local worker") == "2 local workers");
  CHECK(counted(1U, "dependency") == "1 dependency");
  CHECK(counted(2, "key") == "2 keys");
  CHECK(counted(10'000U, "dependency") == "10000 dependencies");
}
