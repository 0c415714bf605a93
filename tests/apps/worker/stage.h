// A worker on a fake server, as most tests of sessions and runs need it.
#pragma once

#include "apps/troupe/worker/session.h"
#include "tests/apps/worker/fake_server.h"
#include "tests/apps/worker/fixture.h"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe::worker::test {

inline const std::string other_task = "fN1SbArXTPSVFNUvaOlinQ";

// A worker on a fake server. Every wait ends with a failure rather than never.
struct Stage {
  explicit Stage(std::uint32_t capacity = 1) { f.options.capacity = capacity; }

  void start() {
    session.emplace(f.shop, [this]() -> kj::Promise<std::unique_ptr<client::Connection>> {
      ++dials;
      return server.connect();
    });
    exit = session->run();
  }

  void until(std::function<bool()> condition) {
    f.shop.timer.timeoutAfter(30 * kj::SECONDS, server.until(std::move(condition)))
        .wait(f.io.waitScope);
  }

  FakeRun& run_to_end(FakeTask task) {
    auto& run = server.add(std::move(task));
    until([&run] { return run.outcome.has_value(); });
    return run;
  }

  int stop() {
    session->stop();
    return f.shop.timer.timeoutAfter(30 * kj::SECONDS, kj::mv(exit)).wait(f.io.waitScope);
  }

  Fixture f;
  FakeServer server;
  std::optional<Session> session;
  kj::Promise<int> exit = kj::NEVER_DONE;
  int dials = 0;
};

inline std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// A payload of one shell command.
inline std::string shell(const std::string& script, const std::string& rest = "") {
  return fmt::format(R"({{"command":[["/bin/sh","-ec",{}]],"maxRunTime":600{}}})",
                     json_text(script), rest.empty() ? "" : "," + rest);
}

}  // namespace troupe::worker::test
