#include "runtime/process/log.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;

namespace {

const Instant noon{1'767'268'800'000};

std::string line(LogFormat format, std::initializer_list<LogField> fields) {
  return render_log_line(format, noon, LogLevel::info, "thing_done", fields);
}

/// A pipe that log lines go to, for as long as it lives.
class CapturedLog {
 public:
  explicit CapturedLog(LogFormat format, LogLevel level = LogLevel::info) {
    REQUIRE(pipe(fds_) == 0);
    configure_logging({.format = format, .level = level, .fd = fds_[1]});
  }
  ~CapturedLog() {
    configure_logging({});
    close(fds_[0]);
  }
  /// All that was written; no more can be.
  std::string text() {
    configure_logging({});
    close(fds_[1]);
    std::string out;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fds_[0], buffer, sizeof buffer)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

 private:
  int fds_[2] = {-1, -1};
};

}  // namespace

TEST_CASE("a line of text", "[log]") {
  CHECK(line(LogFormat::text, {}) == "2026-01-01T12:00:00.000Z info thing_done");
  CHECK(
      line(LogFormat::text, {{"id", "a/b"}, {"count", 3}, {"late", Duration{20}}, {"ok", true}}) ==
      "2026-01-01T12:00:00.000Z info thing_done id=a/b count=3 late=20 ok=true");
  CHECK(
      line(LogFormat::text, {{"share", 0.5}, {"big", std::numeric_limits<std::uint64_t>::max()}}) ==
      "2026-01-01T12:00:00.000Z info thing_done share=0.5 big=18446744073709551615");

  SECTION("quotes what would break it") {
    CHECK(line(LogFormat::text, {{"why", "no space"}}).ends_with(" why=\"no space\""));
    CHECK(line(LogFormat::text, {{"why", ""}}).ends_with(" why=\"\""));
    CHECK(line(LogFormat::text, {{"why", "a\nb=\"c\""}}).ends_with(R"( why="a\nb=\"c\"")"));
    CHECK(line(LogFormat::text, {{"why", "\x1B[2J\x7F\xC2\x9B"}}).find('\x1B') ==
          std::string::npos);
    CHECK(line(LogFormat::text, {{"why", "\x7F\xC2\x9B"}}).ends_with(R"( why="\u007f\u009b")"));
  }
}

TEST_CASE("a line of JSON", "[log]") {
  CHECK(line(LogFormat::json, {}) ==
        R"({"time":"2026-01-01T12:00:00.000Z","level":"info","event":"thing_done"})");
  CHECK(line(LogFormat::json, {{"id", std::string("x")}, {"n", -1}, {"ok", false}})
            .ends_with(R"("event":"thing_done","id":"x","n":-1,"ok":false})"));
  CHECK(line(LogFormat::json, {{"why", "a\nb\"\xFF"}})
            .ends_with("\"why\":\"a\\nb\\\"\xEF\xBF\xBD\"}"));
  CHECK(line(LogFormat::json, {{"n", std::numeric_limits<double>::infinity()}})
            .ends_with("\"n\":null}"));
}

TEST_CASE("events go to the configured destination", "[log]") {
  SECTION("in its format, a line each") {
    CapturedLog log(LogFormat::json);
    log_event(LogLevel::warning, "disk_low", {{"free_bytes", 7}});
    log_event(LogLevel::info, "disk_fine");
    const auto text = log.text();
    CHECK(text.find(R"("level":"warning","event":"disk_low","free_bytes":7})"
                    "\n") != std::string::npos);
    CHECK(text.ends_with("\"event\":\"disk_fine\"}\n"));
  }
  SECTION("as JSON where there is no terminal") {
    CapturedLog log(LogFormat::automatic);
    log_event(LogLevel::info, "started");
    CHECK(log.text().starts_with("{"));
  }
  SECTION("not below the level") {
    CapturedLog log(LogFormat::text, LogLevel::warning);
    log_event(LogLevel::info, "started");
    log_event(LogLevel::error, "failed");
    const auto text = log.text();
    CHECK(text.find("started") == std::string::npos);
    CHECK(text.find(" error failed\n") != std::string::npos);
  }
  SECTION("whole, from several threads") {
    CapturedLog log(LogFormat::text);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int n = 0; n < 100; ++n) log_event(LogLevel::info, "e", {{"text", "0123456789"}});
      });
    }
    for (auto& thread : threads) thread.join();
    const auto text = log.text();
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = text.find(" info e text=0123456789\n", at)) != std::string::npos;
         ++at) {
      ++lines;
    }
    CHECK(lines == 400);
  }
}

TEST_CASE("levels and formats have names", "[log]") {
  CHECK(parse_log_level("warning") == LogLevel::warning);
  CHECK(parse_log_level("loud") == std::nullopt);
  CHECK(parse_log_format("auto") == LogFormat::automatic);
  CHECK(parse_log_format("xml") == std::nullopt);
}
