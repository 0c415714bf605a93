// What can be asked about clients and roles.
#include "actors/auth/queries.h"

#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace troupe::test {
namespace {

using Ids = std::vector<std::string>;

Ids list(const Snapshot& snapshot, const std::string& prefix, std::uint32_t limit) {
  Ids ids;
  Page page = read_page(limit, "");
  std::string next;
  do {
    next.clear();
    const auto found = auth::list_clients(snapshot, prefix, page, next);
    CHECK(found.size() <= limit);
    for (const auto& client : found) ids.push_back(client.client_id);
    page = read_page(limit, next);
  } while (!next.empty());
  return ids;
}

TEST_CASE("clients are found by id and listed by prefix, in order of their ids", "[auth]") {
  const std::string base(450, 'x');  // longer than what the table of names keeps
  const Ids ids{"a", "a/b", "a/c", "ab", base, base + "/1", base + "/2", "z|1"};
  Cast cast;
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    REQUIRE(cast.ask(client_id(*id), create_client()).ok());
  }
  REQUIRE(cast.ask(client_id("gone"), create_client()).ok());
  REQUIRE(cast.ask(client_id("gone"), delete_client()).ok());
  const MemorySnapshot snapshot = cast.snapshot();
  const std::uint32_t limit = GENERATE(1u, 2u, 3u, 1000u);
  Ids all = list(snapshot, "", limit);
  std::ranges::sort(all);  // ids that begin alike for 400 bytes come in any order
  CHECK(all == ids);
  CHECK(list(snapshot, "a", limit) == Ids{"a", "a/b", "a/c", "ab"});
  CHECK(list(snapshot, "a/", limit) == Ids{"a/b", "a/c"});
  CHECK(list(snapshot, "z|", limit) == Ids{"z|1"});
  CHECK(list(snapshot, "b", limit).empty());
  CHECK(list(snapshot, base, limit).size() == 3);
  CHECK(list(snapshot, base + "/", limit).size() == 2);
  CHECK(list(snapshot, base + "/1", limit) == Ids{base + "/1"});

  const auto found = auth::find_client(snapshot, base + "/2");
  REQUIRE(found);
  CHECK(found->client_id == base + "/2");
  CHECK_FALSE(auth::find_client(snapshot, "gone"));
  CHECK_FALSE(auth::find_client(snapshot, ""));
  CHECK_FALSE(auth::find_client(snapshot, std::string("a\0", 2)));
}

TEST_CASE("a token from elsewhere begins anew or ends the list", "[auth]") {
  Cast cast;
  REQUIRE(cast.ask(client_id("m"), create_client()).ok());
  std::string next;
  const MemorySnapshot snapshot = cast.snapshot();
  CHECK(auth::list_clients(snapshot, "", {10, "a"}, next).size() == 1);
  CHECK(auth::list_clients(snapshot, "", {10, "z"}, next).empty());
  CHECK(auth::list_clients(snapshot, "", {10, std::string("\0\xff", 2)}, next).size() == 1);
  CHECK(auth::list_clients(snapshot, "", {10, std::string(2'000, 'a')}, next).size() == 1);
  CHECK(next.empty());
}

}  // namespace
}  // namespace troupe::test
