// Bodies that nobody holds whole.
#include "runtime/http/streaming.h"

#include "runtime/rpc/errors.h"
#include "tests/runtime/http/http_support.h"

#include <catch2/catch.hpp>

#include <array>
#include <memory>
#include <string>

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// What a handler has taken of a body.
struct Taken {
  std::string text;
  std::size_t reads = 0;
  std::optional<std::uint64_t> length;
  bool ended = false;
  std::array<char, 8> buffer{};
};

kj::Promise<void> take_all(http::BodyReader& body, Taken& taken) {
  return body.read(taken.buffer).then([&body, &taken](std::size_t n) -> kj::Promise<void> {
    taken.ended = n == 0;
    if (n == 0) return kj::READY_NOW;
    ++taken.reads;
    taken.text.append(taken.buffer.data(), n);
    return take_all(body, taken);
  });
}

http::StreamHandler taker(Taken& taken) {
  return [&taken](const http::Request& request,
                  http::BodyReader& body) -> kj::Promise<http::Response> {
    if (request.header("x-refuse") == "yes") throw_error({Errc::forbidden, "no"});
    taken.length = body.length();
    return take_all(body, taken).then([] { return http::json_response("{}"); });
  };
}

/// A body of many pieces, each written when the one before is.
class Pieces final : public http::BodyWriter {
 public:
  Pieces(std::size_t count, std::size_t& written) : left_(count), size_(count), written_(written) {}

  std::uint64_t length() const override { return size_ * piece.size(); }
  kj::Promise<void> write_to(kj::AsyncOutputStream& out) override {
    if (left_ == 0) return kj::READY_NOW;
    --left_;
    return out.write(piece.data(), piece.size()).then([this, &out] {
      ++written_;
      return write_to(out);
    });
  }

  static inline const std::string piece = std::string(1000, 'x');

 private:
  std::size_t left_;
  std::size_t size_;
  std::size_t& written_;
};

const std::string put = "PUT /a HTTP/1.1\r\nHost: x\r\n";

}  // namespace

TEST_CASE("a handler reads its request's body as it arrives", "[http]") {
  // The body is past the limit of those that are held.
  HttpWorld world({.body_bytes_max = 4});
  Taken taken;
  world.routes.add_streaming("PUT", "/a", taker(taken));
  const std::string text = "0123456789abcdefghij";

  SECTION("of a known length") {
    const auto answer = world.exchange(put + "Content-Length: 20\r\n\r\n" + text);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(taken.length == 20);
    CHECK(taken.text == text);
    CHECK(taken.reads >= 3);
  }
  SECTION("in chunks") {
    const auto answer =
        world.exchange(put + "Transfer-Encoding: chunked\r\n\r\n14\r\n" + text + "\r\n0\r\n\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(taken.length == std::nullopt);
    CHECK(taken.text == text);
  }
  SECTION("with whatever coding it has") {
    world.exchange(put + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + text);
    CHECK(taken.text == text);
  }
  SECTION("that is empty") {
    CHECK_THAT(world.exchange(put + "\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(taken.ended);
    CHECK(taken.length == 0);
  }
  SECTION("and the connection goes on") {
    const std::string one = put + "Content-Length: 2\r\n\r\nab";
    const auto answer = world.exchange(one + one);
    CHECK(taken.text == "abab");
    CHECK(answer.find("HTTP/1.1 200", 10) != std::string::npos);
  }
}

TEST_CASE("a body that does not come to its end", "[http]") {
  HttpWorld world({.body_time_max = std::chrono::seconds{60}});
  Taken taken;
  world.routes.add_streaming("PUT", "/a", taker(taken));

  SECTION("is cut off") {
    CHECK(world.exchange(put + "Content-Length: 20\r\n\r\n0123").empty());
    CHECK(taken.text == "0123");
    CHECK_FALSE(taken.ended);
  }
  SECTION("is malformed") {
    const auto answer =
        world.exchange(put + "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\nzz\r\n");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 400 "));
    CHECK_FALSE(taken.ended);
  }
  SECTION("stops, but may be slow") {
    Dialogue slow(world);
    slow.start_reading();
    slow.send(put + "Content-Length: 20\r\n\r\n01");
    for (int i = 0; i < 4; ++i) {
      world.advance(50 * kj::SECONDS);
      slow.send("2");
    }
    CHECK(taken.text == "012222");
    CHECK(slow.received.empty());
    world.advance(61 * kj::SECONDS);
    CHECK_THAT(slow.received, StartsWith("HTTP/1.1 408 "));
    CHECK_FALSE(taken.ended);
  }
}

TEST_CASE("a refused body is not asked for", "[http]") {
  HttpWorld world;
  Taken taken;
  world.routes.add_streaming("PUT", "/a", taker(taken));
  const std::string waits = "Expect: 100-continue\r\nContent-Length: 4\r\n";

  SECTION("where its peer waits for our word") {
    const auto answer = world.exchange(put + waits + "x-refuse: yes\r\n\r\n", false);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 403 "));
    CHECK_THAT(answer, !Contains("100 Continue"));
  }
  SECTION("and one that is wanted is") {
    const auto answer = world.exchange(put + waits + "\r\n", false);
    CHECK_THAT(answer, StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  }
}

TEST_CASE("a response is written as its peer takes it", "[http]") {
  HttpWorld world({.response_time_max = std::chrono::seconds{60}});
  std::size_t written = 0;
  static constexpr std::size_t count = 50;
  world.routes.add("GET", "/a", [&written](const http::Request&) -> kj::Promise<http::Response> {
    http::Response out;
    out.content_type = "text/plain";
    out.stream = std::make_shared<Pieces>(count, written);
    return out;
  });

  SECTION("to its end") {
    const auto answer = world.get("/a");
    CHECK_THAT(answer,
               Contains("Content-Length: 50000\r\n") && Contains("Content-Type: text/plain\r\n"));
    CHECK(body_of(answer).size() == count * Pieces::piece.size());
  }
  SECTION("of which HEAD gets the headers") {
    const auto answer = world.exchange("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(answer, Contains("Content-Length: 50000\r\n"));
    CHECK(body_of(answer).empty());
    CHECK(written == 0);
  }
  SECTION("who may take long, but not for one piece") {
    Dialogue slow(world);
    slow.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(written < 2);  // nobody reads: nothing more is made
    world.advance(61 * kj::SECONDS);
    slow.start_reading();
    CHECK(slow.ended);
    CHECK(written < 2);
  }
}
