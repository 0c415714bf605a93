#include "runtime/http/waiting.h"

#include "tests/runtime/http/http_support.h"

#include <catch2/catch.hpp>
#include <kj/debug.h>

#include <string>

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";

kj::Promise<http::Response> fine(const http::Request&) {
  return http::json_response("{\"fine\":true}");
}

/// A server whose `/slow` is answered when the test says so.
struct World : HttpWorld {
  World() {
    routes.add("GET", "/a", fine);
    routes.add("POST", "/a", fine);
    routes.add("GET", "/slow", [this](const http::Request&) {
      auto pair = kj::newPromiseAndFulfiller<http::Response>();
      slow = kj::mv(pair.fulfiller);
      return kj::mv(pair.promise);
    });
  }
  bool make_room() {
    const bool made = server().make_room();
    scope.poll();
    return made;
  }
  kj::Own<kj::PromiseFulfiller<http::Response>> slow;
};

/// One that has sent something, whose end the test learns of.
struct Caller : Dialogue {
  Caller(World& w, const std::string& text) : Dialogue(w) {
    start_reading();
    if (!text.empty()) send(text);
  }
};

}  // namespace

TEST_CASE("who has never sent a request gives way first, the oldest before others", "[http]") {
  World world;
  Caller idle(world, get);
  Caller silent(world, "");
  Caller begun(world, "GET /a HT");
  world.advance(http::Waiting::newcomer_time);
  begun.send("TP/1.1\r\n");

  CHECK(world.make_room());
  CHECK(silent.ended);
  CHECK(world.make_room());
  CHECK(begun.ended);
  CHECK_FALSE(idle.ended);
  CHECK(world.make_room());
  CHECK(idle.ended);
  CHECK_FALSE(world.make_room());
  CHECK(world.server().connections() == 0);
}

TEST_CASE("a newcomer has its time to send a request", "[http]") {
  World world;
  Caller idle(world, get);
  Caller newcomer(world, "");
  CHECK(world.make_room());
  CHECK(idle.ended);
  CHECK_FALSE(newcomer.ended);

  SECTION("unless there is nobody else") {
    CHECK(world.make_room());
    CHECK(newcomer.ended);
  }
  SECTION("and then it is idle") {
    newcomer.send(get);
    CHECK_THAT(newcomer.received, StartsWith("HTTP/1.1 200"));
    Caller later(world, "");
    CHECK(world.make_room());
    CHECK(newcomer.ended);
    CHECK_FALSE(later.ended);
  }
}

TEST_CASE("the longest pause between two requests is ended", "[http]") {
  World world;
  Caller first(world, get);
  Caller second(world, get);
  first.send(get);
  second.send("GET /a");  // the pause goes on
  CHECK(world.make_room());
  CHECK(second.ended);
  CHECK_FALSE(first.ended);
}

TEST_CASE("a connection with a request under way stays", "[http]") {
  World world;
  Caller caller(world, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  world.advance(10 * kj::SECONDS);
  CHECK_FALSE(world.make_room());
  world.slow->fulfill(http::Response{});
  world.scope.poll();
  CHECK_THAT(caller.received, StartsWith("HTTP/1.1 200"));
  CHECK(world.make_room());
  CHECK(caller.ended);
}

TEST_CASE("a body that does not go on makes room, the longest pause first", "[http]") {
  World world;
  Caller first(world, post);
  Caller second(world, post);
  first.send("ab");
  CHECK(world.server().requests() == 0);
  CHECK(world.make_room());
  CHECK(second.ended);
  first.send("cd");
  CHECK_THAT(first.received, StartsWith("HTTP/1.1 200"));
}

TEST_CASE("bodies on their way keep no request out", "[http]") {
  HttpWorld world({.requests_max = 1});
  std::size_t served = 0;
  world.routes.add("POST", "/a", [&served](const http::Request&) -> kj::Promise<http::Response> {
    served += 1;
    return kj::NEVER_DONE;
  });
  Dialogue stalled(world);
  stalled.start_reading();
  stalled.send(post + "ab");
  Dialogue whole(world);
  whole.send(post + "abcd");
  CHECK(served == 1);
  stalled.send("cd");
  CHECK(served == 1);
  CHECK_THAT(stalled.received, StartsWith("HTTP/1.1 503"));
  CHECK_THAT(stalled.received, Contains("retry-after: 1\r\n"));
}

TEST_CASE("a connection that is being secured waits, too", "[http]") {
  World world;
  auto pair = kj::newPromiseAndFulfiller<kj::Own<kj::AsyncIoStream>>();
  world.server().take_secured(kj::mv(pair.promise), {});
  CHECK(world.server().connections() == 1);

  SECTION("and gives way") {
    CHECK(world.make_room());
    CHECK(world.server().connections() == 0);
    CHECK_FALSE(pair.fulfiller->isWaiting());
  }
  SECTION("and ends if that fails") {
    pair.fulfiller->reject(KJ_EXCEPTION(FAILED, "no TLS"));
    world.scope.poll();
    CHECK(world.server().connections() == 0);
  }
  SECTION("and is served then") {
    auto pipe = kj::newTwoWayPipe();
    pair.fulfiller->fulfill(kj::mv(pipe.ends[1]));
    pipe.ends[0]->write(get.data(), get.size()).eagerlyEvaluate(nullptr).poll(world.scope);
    std::string received;
    auto reading = HttpWorld::read_into(*pipe.ends[0], received).eagerlyEvaluate(nullptr);
    reading.poll(world.scope);
    CHECK_THAT(received, StartsWith("HTTP/1.1 200"));
    CHECK(world.make_room());
    CHECK(world.server().connections() == 0);
  }
}
