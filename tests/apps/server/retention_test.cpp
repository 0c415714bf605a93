// What is deleted from the event log: what is too old or too much, unless the publisher still needs
// it; and even that when the log has become too large.
#include "apps/troupe/server/retention.h"

#include "actors/subscription/subscription_actor.h"
#include "tests/apps/server/staged_site.h"

using namespace troupe;
using namespace troupe::server;

namespace {

constexpr const char* reader = "amqp";

struct Log : StagedSite {
  Log() { create(40); }

  std::uint64_t bytes() {
    std::uint64_t sum = 0;
    host.host().shard_snapshot(0)->scan(tables::events.id, "", [&sum](auto, WordSpan row) {
      sum += row.size_bytes();
      return true;
    });
    return sum;
  }
  void read_up_to(std::uint64_t number) {
    host.ask({kinds::subscription, reader}, subscription::begin("", {number}));
  }
  /// How many entries are deleted at once, which are the oldest.
  std::uint64_t deleted(Retention retention) {
    const auto keeping = keep_events_bounded(site, std::move(retention)).eagerlyEvaluate(nullptr);
    create(1);  // written behind that
    return oldest_position(host.host())[0];
  }
};

}  // namespace

TEST_CASE("the log is cut to its size", "[events]") {
  Log log;
  const auto all = log.bytes();
  REQUIRE(oldest_position(log.host.host())[0] == 0);
  CHECK(log.deleted({.bytes_max = all}) == 0);
  CHECK(log.deleted({.bytes_max = all / 2}) >= 39);
  CHECK(log.bytes() <= all * 6 / 10);
  CHECK(log.bytes() >= all * 4 / 10);
}

TEST_CASE("what the publisher has not published is kept beyond that, but not without end",
          "[events]") {
  Log log;
  log.read_up_to(10);
  const auto all = log.bytes();
  SECTION("as long as there is room") {
    CHECK(log.deleted({.bytes_max = all / 2, .reader = reader, .backlog_bytes_max = 2 * all}) ==
          10);
  }
  SECTION("whatever its age") {
    log.clock.advance(Duration{test::start.ms - log.clock.wall_now().ms + 1'000'000});
    CHECK(log.deleted({.age = Duration{1'000}, .reader = reader, .backlog_bytes_max = 2 * all}) ==
          10);
  }
  SECTION("up to its own size") {
    const auto deleted =
        log.deleted({.bytes_max = all / 4, .reader = reader, .backlog_bytes_max = all / 2});
    CHECK(deleted >= 36);
    CHECK(deleted <= 44);
  }
  SECTION("which is not less than the log's") {
    CHECK(log.deleted({.bytes_max = all, .reader = reader, .backlog_bytes_max = 1}) == 0);
  }
  SECTION("nor for one that has not begun") {
    CHECK(log.deleted({.bytes_max = all / 2, .reader = "other", .backlog_bytes_max = all}) >= 36);
  }
}
