#include "runtime/blob/stream_store.h"
#include "tests/runtime/blob/blob_support.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;

namespace {

struct Stores {
  TempFolder folder;
  std::unique_ptr<BlobStore> blobs =
      std::move(BlobStore::open({.dir = folder.path("blobs")}, Instant{0}).value());
  std::unique_ptr<StreamStore> streams =
      std::move(StreamStore::open({.dir = folder.path("logs")}, *blobs).value());
};

}  // namespace

TEST_CASE("observers are told of growth", "[stream]") {
  Stores s;
  std::vector<StreamGrowth> seen;
  auto observer =
      s.streams->on_growth("a/0", [&seen](const StreamGrowth& growth) { seen.push_back(growth); });
  REQUIRE(s.streams->append("a/0", 0, as_bytes("123")).ok());
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].size == 3);
  CHECK_FALSE(seen[0].ended);

  SECTION("not where nothing is new, nor of other streams") {
    REQUIRE(s.streams->append("a/0", 0, as_bytes("12")).ok());
    REQUIRE(s.streams->append("b/0", 0, as_bytes("12")).ok());
    CHECK(seen.size() == 1);
  }
  SECTION("and of the end, once") {
    REQUIRE(s.streams->seal("a/0").ok());
    REQUIRE(seen.size() == 1);
    REQUIRE(s.streams->remove("a/0").ok());
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].size == 3);
    CHECK(seen[1].ended);
    REQUIRE(s.streams->append("a/0", 0, as_bytes("again")).ok());
    CHECK(seen.size() == 2);
  }
  SECTION("also when it was not sealed") {
    REQUIRE(s.streams->remove("a/0").ok());
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].ended);
  }
  SECTION("until they leave") {
    observer.reset();
    REQUIRE(s.streams->append("a/0", 3, as_bytes("456")).ok());
    CHECK(seen.size() == 1);
  }
}

TEST_CASE("an observer may leave from its own callback", "[stream]") {
  Stores s;
  int calls = 0;
  std::unique_ptr<GrowthObserver> observer;
  observer = s.streams->on_growth("a/0", [&](const StreamGrowth&) {
    ++calls;
    observer.reset();
  });
  REQUIRE(s.streams->append("a/0", 0, as_bytes("1")).ok());
  REQUIRE(s.streams->append("a/0", 1, as_bytes("2")).ok());
  CHECK(calls == 1);
}

TEST_CASE("an observer may use the store and outlive it", "[stream]") {
  Stores s;
  std::uint64_t size = 0;
  auto observer = s.streams->on_growth(
      "a/0", [&](const StreamGrowth&) { size = s.streams->size("a/0").value(); });
  REQUIRE(s.streams->append("a/0", 0, as_bytes("1234")).ok());
  CHECK(size == 4);
  s.streams.reset();
  observer.reset();
}

TEST_CASE("no call follows the end of a registration", "[stream]") {
  Stores s;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::uint64_t at = 0; !done; ++at) {
      static_cast<void>(s.streams->append("a/0", at, as_bytes("x")));
    }
  });
  int calls_late = 0;
  for (int i = 0; i < 200; ++i) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto observer = s.streams->on_growth("a/0", [&calls_late, flag = alive.get()](const auto&) {
      if (!*flag) ++calls_late;
    });
    observer.reset();
    *alive = false;
  }
  done = true;
  writer.join();
  CHECK(calls_late == 0);
}
