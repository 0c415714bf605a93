#include "runtime/http/server.h"

#include "runtime/rpc/errors.h"
#include "tests/runtime/http/http_support.h"

#include <catch2/catch.hpp>
#include <kj/debug.h>

#include <random>
#include <stdexcept>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// Tells what it was asked.
kj::Promise<http::Response> echo(const http::Request& request) {
  http::Response out;
  out.content_type = "text/plain";
  out.headers.emplace_back("x-extra", "yes");
  out.body = request.method + " " + request.path + " query=" + request.query +
             " host=" + std::string(request.header("host")) + " body=" + request.body;
  return out;
}

/// Hands out connections, or failures, as the test says.
class FakePort final : public kj::ConnectionReceiver {
 public:
  explicit FakePort(std::vector<kj::Own<kj::PromiseFulfiller<kj::Own<kj::AsyncIoStream>>>>& waiting)
      : waiting_(waiting) {}
  kj::Promise<kj::Own<kj::AsyncIoStream>> accept() override {
    auto pair = kj::newPromiseAndFulfiller<kj::Own<kj::AsyncIoStream>>();
    waiting_.push_back(kj::mv(pair.fulfiller));
    return kj::mv(pair.promise);
  }
  kj::uint getPort() override { return 0; }

 private:
  std::vector<kj::Own<kj::PromiseFulfiller<kj::Own<kj::AsyncIoStream>>>>& waiting_;
};

}  // namespace

TEST_CASE("a request reaches its handler", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", echo);
  world.routes.add("POST", "/a", echo);

  SECTION("and its response comes back") {
    const auto response = world.get("/a?x=1&y=%20");
    CHECK_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK_THAT(response, Contains("Content-Type: text/plain\r\n") && Contains("x-extra: yes\r\n"));
    CHECK(body_of(response) == "GET /a query=x=1&y=%20 host=x body=");
  }
  SECTION("with its body") {
    CHECK(
        body_of(world.exchange("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")) ==
        "POST /a query= host=x body=hello");
    CHECK(body_of(world.exchange("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")) ==
          "POST /a query= host=x body=hello");
  }
  SECTION("also as HEAD, without the body") {
    const auto response = world.exchange("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n") && Contains("Content-Length: 26\r\n"));
    CHECK(body_of(response).empty());
  }
  SECTION("also with a whole URL") {
    CHECK(body_of(world.get("http://other:80/a")) == "GET /a query= host=x body=");
  }
  SECTION("several on one connection") {
    const std::string request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto responses = world.exchange(request + request);
    CHECK(responses.find("HTTP/1.1 200", 5) != std::string::npos);
  }
  SECTION("or gets the methods that there are") {
    const auto response = world.exchange("OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK_THAT(response, Contains("allow: GET, HEAD, POST\r\n"));
    CHECK(body_of(response) == "GET, HEAD, POST");
  }
  SECTION("or gets 400 where a parameter does not decode") {
    world.routes.add("GET", "/a/<id>", echo);
    CHECK_THAT(world.get("/a/%zz"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  }
  SECTION("or gets 404") {
    const auto response = GENERATE(as<std::string>{}, "GET /b", "DELETE /a", "OPTIONS /b");
    const auto refused = world.exchange(response + " HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(refused, StartsWith("HTTP/1.1 404 Not Found\r\n"));
    CHECK(body_of(refused) == "{\"error\":\"Not found\"}");
  }
}

TEST_CASE("a connection ends after the response when its peer wants that", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", echo);
  world.routes.add("POST", "/a", echo);
  Dialogue peer(world);
  peer.start_reading();

  SECTION("by a header") {
    const auto value = GENERATE(as<std::string>{}, "close", "Close", "keep-alive , CLOSE");
    const auto path = GENERATE(as<std::string>{}, "/a", "/nowhere");
    peer.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: " + value + "\r\n\r\n");
    CHECK_THAT(peer.received, Contains("Connection: close\r\n") && Contains("Content-Length: "));
    CHECK(peer.ended);
    CHECK(peer.served());
  }
  SECTION("once its body is here") {
    peer.send("POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhe");
    CHECK_FALSE(peer.ended);
    peer.send("llo");
    CHECK_THAT(peer.received, Contains("body=hello"));
    CHECK(peer.ended);
  }
  SECTION("once a body that nobody reads has passed") {
    const auto [start, body] = GENERATE(table<std::string, std::string>({
        {"PUT /nowhere HTTP/1.1\r\nContent-Length: 2\r\n", "{}"},
        {"PUT /nowhere HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"},
        {"OPTIONS /a HTTP/1.1\r\nContent-Length: 2\r\n", "{}"},
        {"POST /nowhere HTTP/1.0\r\nContent-Length: 2\r\n", "{}"},
    }));
    const std::string head = start + "Host: x\r\nConnection: close\r\n\r\n";
    SECTION("at once") {
      peer.send(head + body + "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    SECTION("or in pieces") {
      peer.send(head + body.substr(0, 1));
      CHECK_FALSE(peer.ended);
      peer.send(body.substr(1));
    }
    CHECK_THAT(peer.received, Contains("Connection: close\r\n"));
    CHECK(peer.received.find("HTTP/1.1 ", 1) == std::string::npos);  // no second response
    CHECK(peer.ended);
    CHECK(peer.served());
  }
  SECTION("by a version that knows no other way") {
    peer.send("GET /a HT");
    peer.send("TP/1.0\r\n\r\n");
    CHECK_THAT(peer.received, Contains("Connection: close\r\n") && Contains("GET /a query="));
    CHECK(peer.ended);
    CHECK(peer.served());
  }
  SECTION("after the requests before") {
    peer.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(peer.received, !Contains("Connection: close"));
    CHECK_FALSE(peer.ended);
    peer.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(peer.ended);
  }
  SECTION("and not when it says something else") {
    const auto value = GENERATE(as<std::string>{}, "keep-alive", "closed, x", "", ",,");
    peer.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: " + value + "\r\n\r\n");
    peer.send("GET /a HTTP/1.1\r\nHost: HTTP/1.0\r\n\r\n");
    CHECK_THAT(peer.received, Contains("host=HTTP/1.0"));
    CHECK_FALSE(peer.ended);
    world.server().drain().eagerlyEvaluate(nullptr).poll(world.scope);
  }
}

TEST_CASE("a handler that fails answers an error", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/throws", [](const http::Request&) -> kj::Promise<http::Response> {
    throw std::runtime_error("secret detail");
  });
  world.routes.add("GET", "/conflict", [](const http::Request&) -> kj::Promise<http::Response> {
    return exception_from(Error{Errc::conflict, "it is taken"});
  });
  world.routes.add("GET", "/busy", [](const http::Request&) -> kj::Promise<http::Response> {
    return exception_from(Error{Errc::busy, "later"});
  });

  const auto thrown = world.get("/throws");
  CHECK_THAT(thrown, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
  CHECK_THAT(thrown, !Contains("secret"));
  const auto conflict = world.get("/conflict");
  CHECK_THAT(conflict, StartsWith("HTTP/1.1 409 Conflict\r\n"));
  CHECK(body_of(conflict) == R"({"code":"RequestConflict","message":"it is taken"})");
  CHECK_THAT(world.get("/busy"), StartsWith("HTTP/1.1 503 ") && Contains("retry-after: 1\r\n"));
}

TEST_CASE("what is not HTTP gets 400 and harms nothing", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", echo);

  SECTION("where it is malformed") {
    const auto sent =
        GENERATE(as<std::string>{}, "garbage\r\n\r\n", "GET\r\n\r\n",
                 "GET /a HTTP/1.1\r\nno colon\r\n\r\n", std::string("\0\1\2\r\n\r\n", 7),
                 "GET a HTTP/1.1\r\nHost: x\r\n\r\n", "GET * HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(world.exchange(sent), StartsWith("HTTP/1.1 4"));
  }
  SECTION("where the method is unknown") {
    CHECK_THAT(world.exchange("BREW /a HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  }
  SECTION("where the headers are endless") {
    const std::string sent = "GET /a HTTP/1.1\r\nx: " + std::string(300'000, 'y');
    const auto response = world.exchange(sent);
    CHECK((response.empty() || response.starts_with("HTTP/1.1 4")));
  }
  SECTION("where it ends in the middle") {
    const std::string whole = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell";
    for (std::size_t size = 0; size <= whole.size(); ++size) world.exchange(whole.substr(0, size));
  }
  SECTION("where it is noise") {
    std::mt19937 random(7);
    std::uniform_int_distribution<int> byte(0, 255);
    for (int i = 0; i < 200; ++i) {
      std::string noise;
      for (int n = 0; n < 100; ++n) noise += static_cast<char>(byte(random));
      world.exchange(noise + "\r\n\r\n");
    }
  }
  CHECK_THAT(world.get("/a"), StartsWith("HTTP/1.1 200"));
  CHECK(world.server().connections() == 0);
}

TEST_CASE("a body over the limit gets 413", "[http]") {
  HttpWorld world({.body_bytes_max = 10});
  world.routes.add("POST", "/a", echo);
  const std::string start = "POST /a HTTP/1.1\r\nHost: x\r\n";
  CHECK_THAT(world.exchange(start + "Content-Length: 10\r\n\r\n0123456789"),
             StartsWith("HTTP/1.1 200"));
  CHECK_THAT(world.exchange(start + "Content-Length: 11\r\n\r\n0123456789a"),
             StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
  CHECK_THAT(world.exchange(start + "Transfer-Encoding: chunked\r\n\r\n"
                                    "b\r\n0123456789a\r\n0\r\n\r\n"),
             StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
}

TEST_CASE("of a refused body enough is read that its sender sees the refusal", "[http]") {
  constexpr std::size_t sent = 300'000;
  HttpWorld world({.body_bytes_max = 100'000});
  world.routes.add("GET", "/a", echo);
  world.routes.add("POST", "/a", echo);
  const auto received =
      world.exchange("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(sent) +
                     "\r\n\r\n" + std::string(sent, 'x') + "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(received, StartsWith("HTTP/1.1 413 Payload Too Large\r\n"));
  CHECK_THAT(received, Contains("HTTP/1.1 200"));
}

TEST_CASE("peers that are slow lose their connection", "[http]") {
  using namespace std::chrono_literals;
  HttpWorld world({.header_time_max = 10s,
                   .idle_time_max = 20s,
                   .body_time_max = 30s,
                   .response_time_max = 40s});
  world.routes.add("GET", "/a", echo);
  world.routes.add("POST", "/a", echo);
  Dialogue peer(world);

  SECTION("in the headers") {
    peer.send("GET /a HT");
    peer.start_reading();
    world.advance(9 * kj::SECONDS);
    CHECK_FALSE(peer.ended);
    world.advance(2 * kj::SECONDS);
    CHECK(peer.ended);
  }
  SECTION("between two requests") {
    peer.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.start_reading();
    CHECK_THAT(peer.received, StartsWith("HTTP/1.1 200"));
    world.advance(19 * kj::SECONDS);
    CHECK_FALSE(peer.ended);
    world.advance(2 * kj::SECONDS);
    CHECK(peer.ended);
  }
  SECTION("in the body") {
    peer.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
    peer.start_reading();
    world.advance(29 * kj::SECONDS);
    CHECK(peer.received.empty());
    world.advance(2 * kj::SECONDS);
    CHECK_THAT(peer.received, StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
    world.advance(6 * kj::SECONDS);
    CHECK(peer.ended);
  }
  SECTION("in taking the response") {
    peer.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    world.advance(39 * kj::SECONDS);
    CHECK_FALSE(peer.served());
    world.advance(2 * kj::SECONDS);
    CHECK(peer.served());
  }
}

TEST_CASE("a server that drains", "[http]") {
  HttpWorld world;
  auto slow = kj::newPromiseAndFulfiller<http::Response>();
  world.routes.add("GET", "/slow", [&slow](const http::Request&) { return kj::mv(slow.promise); });
  Dialogue busy(world);
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  busy.start_reading();
  Dialogue idle(world);
  idle.start_reading();
  CHECK(world.server().connections() == 2);

  auto drained = world.server().drain();
  CHECK_FALSE(drained.poll(world.scope));
  CHECK(idle.served());
  http::Response response;
  response.body = "done";
  slow.fulfiller->fulfill(std::move(response));
  CHECK(drained.poll(world.scope));
  CHECK(body_of(busy.received) == "done");
  CHECK(busy.received.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(busy.served());
}

TEST_CASE("a server accepts connections", "[http]") {
  std::vector<kj::Own<kj::PromiseFulfiller<kj::Own<kj::AsyncIoStream>>>> accepts;
  HttpWorld world({.connections_max = 2});
  world.routes.add("GET", "/a", echo);
  world.server().listen(kj::heap<FakePort>(accepts));
  world.advance(0 * kj::SECONDS);
  REQUIRE(accepts.size() == 1);

  SECTION("up to the limit, then when one ends") {
    std::vector<kj::Own<kj::AsyncIoStream>> clients;
    for (std::size_t i = 0; i < 2; ++i) {
      auto pipe = kj::newTwoWayPipe();
      accepts[i]->fulfill(kj::mv(pipe.ends[1]));
      clients.push_back(kj::mv(pipe.ends[0]));
      world.advance(0 * kj::SECONDS);
    }
    CHECK(accepts.size() == 2);
    CHECK(world.server().connections() == 2);
    clients.pop_back();
    world.advance(0 * kj::SECONDS);
    CHECK(accepts.size() == 3);
    CHECK(world.server().connections() == 1);
  }
  SECTION("again after a failure") {
    accepts[0]->reject(KJ_EXCEPTION(FAILED, "no descriptors left"));
    world.advance(0 * kj::SECONDS);
    CHECK(accepts.size() == 1);
    world.advance(1 * kj::SECONDS);
    CHECK(accepts.size() == 2);
  }
  SECTION("not any more once it drains") {
    auto drained = world.server().drain();
    CHECK(drained.poll(world.scope));
    CHECK_FALSE(accepts[0]->isWaiting());
  }
}
