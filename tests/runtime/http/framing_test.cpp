#include "runtime/http/framing.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using Catch::Matchers::Contains;

namespace {

/// What a connection's bytes became.
struct Outcome {
  std::vector<http::RequestHead> heads;
  std::string read;  // by kj-http, bodies included
  unsigned status = 0;
  std::string why;
};

/// In pieces of `piece` bytes.
Outcome frame(std::string_view sent, std::size_t piece) {
  http::Framing framing;
  Outcome out;
  while (!sent.empty() && !framing.refusal()) {
    auto input = sent.substr(0, piece);
    sent.remove_prefix(input.size());
    while (!input.empty() && !framing.refusal()) {
      if (framing.passing() > 0) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(framing.passing(), input.size()));
        out.read += input.substr(0, size);
        framing.pass(size);
        input.remove_prefix(size);
        continue;
      }
      const auto before = out.read.size();
      framing.consume(input, out.read);
      if (out.read.find(" / HTTP/1.1\r\n", before) != std::string::npos && !framing.refusal()) {
        out.heads.push_back(framing.take_head());
      }
    }
  }
  if (const auto& refused = framing.refusal()) {
    out.status = refused->status;
    out.why = refused->why;
  }
  return out;
}

unsigned status_of(const std::string& sent) {
  const auto piece = GENERATE(as<std::size_t>{}, 1, 7, 10'000'000);
  return frame(sent, piece).status;
}

const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\n";
const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
const std::string empty_request = "POST / HTTP/1.1\r\n\r\n";

}  // namespace

TEST_CASE("requests are told apart", "[http]") {
  const auto piece = GENERATE(as<std::size_t>{}, 1, 2, 3, 5, 64, 10'000);
  SECTION("by lengths") {
    const auto out =
        frame(head + "content-length: 5\r\n\r\nhello" + "HEAD /b HTTP/1.1\r\nHost: y\r\n" +
                  "X-A:  1 \r\nx-a: 2\r\n\r\n" + "GET /c HTTP/1.0\r\n\r\n",
              piece);
    CHECK(out.status == 0);
    REQUIRE(out.heads.size() == 3);
    CHECK(out.heads[0].target == "/a");
    CHECK(out.heads[0].length == 5);
    CHECK(out.heads[1].verb == "HEAD");
    CHECK(out.heads[1].headers == http::Headers{{"host", "y"}, {"x-a", "1, 2"}});
    CHECK(out.heads[2].is_last);
    CHECK(out.read == "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloHEAD / HTTP/1.1\r\n\r\n" +
                          empty_request);
  }
  SECTION("by chunks, whatever stands beside their sizes") {
    const auto out = frame(chunked + "3;a=\"b\"\r\nhel\r\n02 \r\nlo\r\n0\r\nContent-Length: 9\r\n" +
                               "X: y\r\n\r\n" + "GET /b HTTP/1.1\r\nHost: x\r\n\r\n",
                           piece);
    CHECK(out.status == 0);
    REQUIRE(out.heads.size() == 2);
    CHECK(out.heads[1].target == "/b");
    CHECK(out.read ==
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n02\r\nlo\r\n"
          "0\r\n\r\n" +
              empty_request);
  }
  SECTION("also with a few empty lines between") {
    const auto out = frame(
        "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", piece);
    CHECK(out.heads.size() == 2);
    CHECK(out.status == 0);
  }
}

TEST_CASE("who asks for a WebSocket has to say all that belongs to it", "[http]") {
  const std::string line = "GET /a HTTP/1.1\r\nHost: x\r\n";
  const std::string upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const auto out = frame(line + upgrade + version + key + "\r\n", 10'000);
  REQUIRE(out.heads.size() == 1);
  CHECK(out.heads[0].wants_socket);
  CHECK(out.read ==
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + version + key + "\r\n");
  for (const std::string& less :
       {line + version + key, line + upgrade + key, line + upgrade + version,
        line + "Upgrade: websocket\r\n" + version + key,
        "POST /a HTTP/1.1\r\nHost: x\r\n" + upgrade + version + key,
        line + upgrade + version + key + "Sec-WebSocket-Key: another\r\n"}) {
    const auto other = frame(less + "\r\n", 10'000);
    REQUIRE(other.heads.size() == 1);
    CHECK_FALSE(other.heads[0].wants_socket);
    CHECK(other.read == empty_request);
  }
}

TEST_CASE("what can be read in two ways is refused", "[http]") {
  SECTION("in the lengths") {
    CHECK(status_of(head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(status_of(head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: 5, 5\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: +5\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: -5\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: 0x5\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: 5 5\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length:\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: 99999999999999999999\r\n\r\n") == 400);
    CHECK(status_of(head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n") == 0);
  }
  SECTION("in the encodings") {
    CHECK(status_of(head + "Transfer-Encoding: gzip, chunked\r\n\r\n") == 400);
    CHECK(status_of(head + "Transfer-Encoding: identity\r\n\r\n") == 400);
    CHECK(status_of(head + "Transfer-Encoding: xchunked\r\n\r\n") == 400);
    CHECK(status_of(head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n") ==
          400);
    CHECK(status_of(head + "Transfer-Encoding : chunked\r\n\r\n") == 400);
    CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(status_of(head + "Transfer-Encoding: Chunked\r\n\r\n") == 0);
  }
  SECTION("in the chunks") {
    for (const std::string chunk :
         {"5\nhello\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "\r\n", " 5\r\nhello\r\n",
          "10000000000000000\r\n", "5\r\nhelloX\r\n", "5\r\nhello3\r\nabc\r\n", "5 5\r\nhello\r\n",
          "5\r;a\r\nhello\r\n", ";a\r\n", "5\r\nhello\n0\n\n"}) {
      INFO(chunk);
      CHECK(status_of(chunked + chunk) == 400);
    }
    CHECK(status_of(chunked + "5;" + std::string(2'000, 'a') + "\r\nhello\r\n") == 400);
    CHECK(status_of(chunked + "0\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n") == 400);
    CHECK(status_of(chunked + "0\r\nX: y\n\n") == 400);
  }
  SECTION("in the lines") {
    CHECK(status_of("GET / HTTP/1.1\nHost: x\n\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\n X: folded\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nX Y: b\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nX\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string("a\0b", 3) + "\r\n\r\n") ==
          400);
    CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
    CHECK(status_of("GET  / HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(status_of("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/2.0\r\nHost: x\r\n\r\n") == 400);
    CHECK(status_of("GET /\r\n\r\n") == 400);
    CHECK(status_of(" GET / HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(status_of("G(T / HTTP/1.1\r\nHost: x\r\n\r\n") == 400);
    CHECK(status_of(std::string(20, '\r') + "\n\r\n") == 400);
    CHECK(status_of("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n") == 400);
  }
}

TEST_CASE("what cannot become a request is refused at its first byte", "[http]") {
  using namespace std::string_view_literals;
  const auto sent = GENERATE("\x16\x03\x01\x02"sv, "\0\0\0\0\x05"sv);
  const auto first = frame(sent.substr(0, 1), 1);
  CHECK(first.status == 400);
  CHECK_THAT(first.why, Contains("no HTTP"));
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto later = frame(request + std::string(sent), 1000);
  CHECK(later.heads.size() == 1);
  CHECK(later.status == 400);
}

TEST_CASE("a head has limits", "[http]") {
  const auto request = [](std::size_t bytes) {
    const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    return start + std::string(bytes - start.size() - 4, 'y') + "\r\n\r\n";
  };
  CHECK(status_of(request(http::head_bytes_max)) == 0);
  CHECK(status_of(request(http::head_bytes_max + 1)) == 431);
  CHECK(status_of(std::string(http::head_bytes_max + 1, 'y')) == 431);

  std::string headers;
  for (std::size_t i = 1; i < http::headers_max; ++i) headers += "X: y\r\n";
  CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n") == 0);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: x\r\n" + headers + "X: y\r\n\r\n") == 431);
}

TEST_CASE("what is refused still has a request to answer", "[http]") {
  CHECK(frame("noise\r\n\r\n", 100).read == empty_request);
  CHECK_THAT(frame("GET / HTTP/1.1\r\n\r\n", 100).why, Contains("Host"));
  CHECK(frame(chunked + "x\r\n", 1'000).read ==
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
}
