#include "runtime/http/range.h"

#include <catch2/catch.hpp>

using namespace troupe::http;

namespace {

using Outcome = std::variant<WholeBody, ByteRange, NoSuchRange>;

Outcome part(std::uint64_t offset, std::uint64_t size) {
  return ByteRange{offset, size};
}

}  // namespace

TEST_CASE("which part of a body is asked for", "[http]") {
  const Outcome whole = WholeBody{};
  const Outcome none = NoSuchRange{};
  const struct {
    const char* header;
    Outcome expected;
  } rows[] = {
      {"", whole},
      {"bytes=0-0", part(0, 1)},
      {"bytes=0-9", part(0, 10)},
      {"bytes=0-99", part(0, 10)},
      {"bytes=3-5", part(3, 3)},
      {"bytes=3-", part(3, 7)},
      {"bytes=9-", part(9, 1)},
      {"bytes=-1", part(9, 1)},
      {"bytes=-10", part(0, 10)},
      {"bytes=-99", part(0, 10)},
      {"bytes= 3 - 5 ", part(3, 3)},
      {"bytes=0-99999999999999999999999", part(0, 10)},
      {"bytes=-99999999999999999999999", part(0, 10)},
      {"bytes=10-", none},
      {"bytes=10-20", none},
      {"bytes=-0", none},
      {"bytes=99999999999999999999999-", none},
      // What we do not know is as if it were not there.
      {"bytes=5-3", whole},
      {"bytes=0-1,3-4", whole},
      {"bytes=-", whole},
      {"bytes=", whole},
      {"bytes=a-b", whole},
      {"bytes=+1-2", whole},
      {"bytes=--2", whole},
      {"lines=0-1", whole},
      {"0-1", whole},
  };
  for (const auto& row : rows) {
    INFO(row.header);
    CHECK(read_range(row.header, 10) == row.expected);
  }
  CHECK(read_range("bytes=0-", 0) == none);
  CHECK(read_range("bytes=-1", 0) == none);
  CHECK(read_range("", 0) == whole);
}
