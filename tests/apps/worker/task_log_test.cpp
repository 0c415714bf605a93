#include "apps/troupe/worker/task_log.h"

#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>

namespace troupe::worker {
namespace {

const ManualClock clock{*parse_time("2026-01-31T08:00:00.005Z")};

TEST_CASE("the worker's lines in a task's log", "[worker][log]") {
  const test::TempDir dir;
  auto made = TaskLog::create(dir / "log", 1'000, clock);
  REQUIRE(made.ok());
  TaskLog log = std::move(made).value();

  SECTION("carry their prefix, each line of a text its own") {
    log.info("one\ntwo");
    log.warn("three");
    log.error("four\n");
    CHECK(test::read_file(dir / "log") ==
          "[taskcluster 2026-01-31T08:00:00.005Z] one\n"
          "[taskcluster 2026-01-31T08:00:00.005Z] two\n"
          "[taskcluster:warn 2026-01-31T08:00:00.005Z] three\n"
          "[taskcluster:error] four\n");
  }
  SECTION("never continue a line that a command left open") {
    log.output("no end");
    log.error("x");
    CHECK(test::read_file(dir / "log") == "no end\n[taskcluster:error] x\n");
  }
  SECTION("count in its size, and are told") {
    std::uint64_t seen = 0;
    log.on_growth([&] { seen = log.size(); });
    log.output("12345");
    CHECK(seen == 5);
    log.info("x");
    CHECK(seen == test::read_file(dir / "log").size());
  }
}

TEST_CASE("a log that grows too long is cut, and says so once", "[worker][log]") {
  const test::TempDir dir;
  auto made = TaskLog::create(dir / "log", 10, clock);
  REQUIRE(made.ok());
  TaskLog log = std::move(made).value();
  log.output("12345");
  log.output("6789012345");
  log.output("dropped");
  log.info("the worker's own line");
  const auto text = test::read_file(dir / "log");
  CHECK(text.starts_with("1234567890\n[taskcluster:warn "));
  CHECK_THAT(text, Catch::Contains("limit of 10 bytes"));
  CHECK_THAT(text, !Catch::Contains("dropped\n"));
  CHECK_THAT(text, Catch::EndsWith("] the worker's own line\n"));
  CHECK(log.size() == text.size());
}

TEST_CASE("arguments are shown as a shell would take them", "[worker][log]") {
  CHECK(shell_quoted({"/bin/sh", "-ec", "echo 'a'"}) == R"(/bin/sh -ec 'echo '\''a'\''')");
  CHECK(shell_quoted({"", "a=b", "$x"}) == "'' a=b '$x'");
}

}  // namespace
}  // namespace troupe::worker
