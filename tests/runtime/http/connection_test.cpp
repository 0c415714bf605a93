// What becomes of connections: refusals, limits, and what handlers learn of their peers.
#include "tests/runtime/http/http_support.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

/// `name: value` of a response; empty without it.
std::string header_of(const std::string& response, const std::string& name) {
  const auto at = response.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return response.substr(begin, response.find("\r\n", begin) - begin);
}

std::size_t answers_in(const std::string& responses) {
  std::size_t count = 0;
  for (auto at = responses.find("HTTP/1.1 "); at != std::string::npos;
       at = responses.find("HTTP/1.1 ", at + 1)) {
    ++count;
  }
  return count;
}

kj::Promise<http::Response> fine(const http::Request&) {
  return http::json_response("{\"fine\":true}");
}

/// Counts how often something is written to the stream that it passes all to.
class CountedWrites final : public kj::AsyncIoStream {
 public:
  CountedWrites(kj::Own<kj::AsyncIoStream> stream, std::size_t& writes)
      : stream_(kj::mv(stream)), writes_(writes) {}

  kj::Promise<std::size_t> tryRead(void* buffer, std::size_t min, std::size_t max) override {
    return stream_->tryRead(buffer, min, max);
  }
  kj::Promise<void> write(const void* buffer, std::size_t size) override {
    ++writes_;
    return stream_->write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    ++writes_;
    return stream_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return stream_->whenWriteDisconnected(); }
  void shutdownWrite() override { stream_->shutdownWrite(); }

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  std::size_t& writes_;
};

}  // namespace

TEST_CASE("a handler learns what was sent, and by whom", "[http]") {
  HttpWorld world;
  http::Request seen;
  world.routes.add("GET", "/other", fine);
  const auto route = world.routes.add(
      "GET", "/a/<id>", [&seen](const http::Request& request) -> kj::Promise<http::Response> {
        seen = request;
        return http::Response{};
      });
  world.exchange(
      "HEAD /a/%2f/?x=1&bewit=a%2Fb HTTP/1.1\r\nHost: Some.Host:81\r\n"
      "X-Taskcluster-Trace-Id: trace-1\r\nX-A: 1\r\nx-a: 2\r\n\r\n");
  CHECK(seen.verb == "HEAD");
  CHECK(seen.method == "GET");
  CHECK(seen.is_head());
  CHECK(seen.target == "/a/%2f/?x=1&bewit=a%2Fb");
  CHECK(seen.path == "/a/%2f/");
  CHECK(seen.query == "x=1&bewit=a%2Fb");
  CHECK(seen.host == "Some.Host:81");
  CHECK(seen.peer == "192.0.2.1");
  CHECK_FALSE(seen.is_tls);
  CHECK(seen.trace_id == "trace-1");
  CHECK(seen.request_id.size() == 36);
  CHECK(seen.route == route);
  CHECK(seen.parameters.at("id") == "/");
  CHECK(seen.header("x-a") == "1, 2");
  CHECK_FALSE(seen.has_body_header);
}

TEST_CASE("responses are told apart by their ids", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", fine);
  const auto responses = world.exchange(
      "GET /a HTTP/1.1\r\nHost: x\r\nX-Taskcluster-Trace-Id: mine\r\n\r\nnoise\r\n\r\n");
  CHECK(header_of(responses, "x-for-trace-id") == "mine");
  const auto second = responses.substr(responses.rfind("HTTP/1.1 400"));
  CHECK(header_of(second, "x-for-trace-id").size() == 36);
  CHECK(header_of(second, "x-for-request-id") != header_of(responses, "x-for-request-id"));
  CHECK(header_of(second, "x-content-type-options") == "nosniff");
}

TEST_CASE("a HEAD has the headers of its GET", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", [](const http::Request&) -> kj::Promise<http::Response> {
    return http::json_response(std::string(5'000, 'a'));
  });
  world.routes.add("GET", "/empty", [](const http::Request&) -> kj::Promise<http::Response> {
    return http::json_response("");
  });
  const std::string path = GENERATE("/a", "/empty");
  const std::string end = path + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n";
  const auto whole = world.exchange("GET " + end);
  const auto head = world.exchange("HEAD " + end);
  CHECK(body_of(head).empty());
  for (const char* name : {"Content-Length", "Content-Type", "content-encoding", "vary", "etag"}) {
    CHECK(header_of(head, name) == header_of(whole, name));
  }
  CHECK(header_of(whole, "Content-Length") == std::to_string(body_of(whole).size()));
}

TEST_CASE("a response leaves in one write, whatever was answered before", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", fine);
  world.routes.add("GET", "/empty", [](const http::Request&) -> kj::Promise<http::Response> {
    http::Response nothing;
    nothing.status = 204;
    return nothing;
  });
  auto pipe = kj::newTwoWayPipe();
  auto& client = *pipe.ends[0];
  std::size_t writes = 0;
  auto serving = world.server().serve(kj::heap<CountedWrites>(kj::mv(pipe.ends[1]), writes), {});
  serving = serving.eagerlyEvaluate(nullptr);
  std::string received;
  auto reading = HttpWorld::read_into(client, received).eagerlyEvaluate([](kj::Exception&&) {});
  const std::vector<std::pair<std::string, std::string>> exchanges = {
      {"GET /a", "{\"fine\":true}"}, {"HEAD /a", ""}, {"GET /empty", ""}, {"GET /none", "}"},
      {"GET /a", "{\"fine\":true}"},
  };
  for (const auto& [asked, end] : exchanges) {
    CAPTURE(asked);
    received.clear();
    const std::string request = asked + " HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto before = writes;
    client.write(request.data(), request.size()).wait(world.scope);
    world.scope.poll();
    CHECK(answers_in(received) == 1);
    CHECK(received.ends_with("\r\n\r\n") == end.empty());
    CHECK(received.ends_with(end));
    CHECK(writes - before == 1);
  }
}

TEST_CASE("a refusal ends the connection", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", fine);
  world.routes.add("POST", "/a", fine);
  const std::string post = "POST /a HTTP/1.1\r\nHost: x\r\n";

  SECTION("of a head") {
    const auto sent = GENERATE_COPY(
        as<std::string>{}, post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", post + "X : y\r\n\r\n",
        post + " folded: y\r\n\r\n", "GET /a HTTP/1.1\nHost: x\n\n", "GET /a HTTP/1.1\r\n\r\n");
    const auto responses = world.exchange(sent + get, false);
    CHECK_THAT(responses, StartsWith("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
    CHECK_THAT(responses, Contains("\"code\":\"InputError\""));
    CHECK(answers_in(responses) == 1);
  }
  SECTION("of a head that is too long") {
    const auto responses = world.exchange("GET /" + std::string(17'000, 'a'), false);
    CHECK_THAT(responses, StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    CHECK_THAT(responses, Contains("Connection: close\r\n"));
  }
  SECTION("of a chunk") {
    const std::string path = GENERATE("/a", "/nowhere");
    const auto responses = world.exchange("POST " + path +
                                              " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                              "chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n" +
                                              get,
                                          false);
    CHECK_THAT(responses, StartsWith(path == "/a" ? "HTTP/1.1 400" : "HTTP/1.1 404"));
    CHECK(answers_in(responses) == 1);
  }
  SECTION("and nothing else does") {
    CHECK(
        answers_in(world.exchange(get + post + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n" +
                                  "0\r\nX-Trailer: z\r\n\r\n" + get)) == 3);
  }
  CHECK(world.server().connections() == 0);
  CHECK(world.server().requests() == 0);
}

TEST_CASE("a request over the limit is refused at once", "[http]") {
  HttpWorld world({.requests_max = 2});
  std::vector<kj::Own<kj::PromiseFulfiller<http::Response>>> waiting;
  world.routes.add("GET", "/slow", [&waiting](const http::Request&) {
    auto pair = kj::newPromiseAndFulfiller<http::Response>();
    waiting.push_back(kj::mv(pair.fulfiller));
    return kj::mv(pair.promise);
  });
  const std::string slow = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
  Dialogue first(world);
  Dialogue second(world);
  first.send(slow);
  second.send(slow);
  CHECK(world.server().requests() == 2);

  const auto refused = world.exchange(slow);
  CHECK_THAT(refused, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK_THAT(refused, Contains("retry-after: 1\r\n"));
  CHECK(waiting.size() == 2);

  first.start_reading();
  waiting[0]->fulfill(http::Response{});
  world.scope.poll();
  CHECK_THAT(first.received, StartsWith("HTTP/1.1 200"));
  Dialogue third(world);
  third.send(slow);
  CHECK(waiting.size() == 3);
}

TEST_CASE("the heads of later requests may not be slow either", "[http]") {
  using namespace std::chrono_literals;
  HttpWorld world({.header_time_max = 10s, .idle_time_max = 90s});
  world.routes.add("GET", "/a", fine);
  Dialogue peer(world);
  peer.send(get);
  peer.start_reading();
  world.advance(80 * kj::SECONDS);
  for (int i = 0; i < 3; ++i) {
    peer.send("GET /a");
    world.advance(3 * kj::SECONDS);
    CHECK_FALSE(peer.ended);
  }
  world.advance(2 * kj::SECONDS);
  CHECK(peer.ended);
  CHECK(answers_in(peer.received) == 1);
}

TEST_CASE("a connection may be idle for long", "[http]") {
  HttpWorld world;
  world.routes.add("GET", "/a", fine);
  Dialogue peer(world);
  peer.send(get);
  peer.start_reading();
  world.advance(89 * kj::SECONDS);
  CHECK_FALSE(peer.ended);
  peer.send(get);
  CHECK(answers_in(peer.received) == 2);
  world.advance(91 * kj::SECONDS);
  CHECK(peer.ended);
}

TEST_CASE("a handler that waits learns that its peer has gone", "[http]") {
  HttpWorld world;
  bool gone = false;
  world.routes.add("GET", "/a", [&gone](const http::Request& request) {
    return request.peer_gone().then([&gone] {
      gone = true;
      return http::Response{};
    });
  });
  Dialogue dialogue(world);
  dialogue.send(get);
  CHECK_FALSE(gone);
  dialogue.pipe.ends[0]->shutdownWrite();
  world.scope.poll();
  CHECK(gone);
}

TEST_CASE("a peer that sends its next request meanwhile has not gone", "[http]") {
  HttpWorld world;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> waiting;
  bool gone = false;
  world.routes.add("GET", "/a", [&](const http::Request& request) -> kj::Promise<http::Response> {
    auto paf = kj::newPromiseAndFulfiller<void>();
    waiting.push_back(kj::mv(paf.fulfiller));
    auto until_gone = request.peer_gone().then([&gone] { gone = true; });
    return paf.promise.exclusiveJoin(kj::mv(until_gone)).then([] { return http::Response{}; });
  });
  Dialogue dialogue(world);
  dialogue.send(get);
  const bool meanwhile = GENERATE(true, false);
  if (meanwhile) dialogue.send(get);
  REQUIRE(waiting.size() == 1);
  waiting[0]->fulfill();
  dialogue.start_reading();
  if (!meanwhile) dialogue.send(get);
  REQUIRE(waiting.size() == 2);
  waiting[1]->fulfill();
  world.scope.poll();
  CHECK(answers_in(dialogue.received) == 2);
  CHECK_FALSE(gone);
}
