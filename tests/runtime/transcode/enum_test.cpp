#include "schema/api/queue.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using schema::Priority;

TEST_CASE("enumerants are named as in JSON", "[transcode]") {
  CHECK(enum_name(Priority::LOWEST) == "lowest");
  CHECK(enum_name(Priority::VERY_HIGH) == "very-high");
  CHECK(enum_name(static_cast<Priority>(99)) == "99");
  const auto enumerants = capnp::Schema::from<Priority>().getEnumerants();
  CHECK(enum_name(enumerants[1]) == "very-low");
}

TEST_CASE("enumerants are found by their name in JSON alone", "[transcode]") {
  CHECK(enum_from_name<Priority>("very-low") == Priority::VERY_LOW);
  CHECK_FALSE(enum_from_name<Priority>("veryLow"));
  CHECK_FALSE(enum_from_name<Priority>("normal"));
  CHECK_FALSE(enum_from_name<Priority>(""));
}

}  // namespace
}  // namespace troupe
