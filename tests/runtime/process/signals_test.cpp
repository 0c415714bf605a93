#include "runtime/process/signals.h"

#include <catch2/catch.hpp>
#include <kj/async-io.h>

#include <signal.h>
#include <unistd.h>

using namespace troupe;

TEST_CASE("signals are events of the main loop", "[process]") {
  capture_signals();
  auto io = kj::setupAsyncIo();

  SECTION("a stop") {
    const int number = GENERATE(SIGTERM, SIGINT);
    auto stop = on_stop_signal(io.unixEventPort);
    CHECK_FALSE(stop.poll(io.waitScope));
    REQUIRE(kill(getpid(), number) == 0);
    CHECK(stop.wait(io.waitScope) == number);
  }
  SECTION("a hangup is not a stop") {
    auto stop = on_stop_signal(io.unixEventPort);
    auto hangup = on_hangup_signal(io.unixEventPort);
    REQUIRE(kill(getpid(), SIGHUP) == 0);
    hangup.wait(io.waitScope);
    CHECK_FALSE(stop.poll(io.waitScope));
  }
  SECTION("a lost reader does not end us") {
    int fds[2];
    REQUIRE(pipe(fds) == 0);
    close(fds[0]);
    CHECK(write(fds[1], "x", 1) == -1);
    close(fds[1]);
  }
}
