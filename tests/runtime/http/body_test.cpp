#include "runtime/http/content_coding.h"
#include "tests/runtime/http/http_support.h"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

kj::Promise<http::Response> tell(const http::Request& request) {
  http::Response out;
  out.content_type = "text/plain";
  out.body = (request.has_body_header ? "body=" : "none=") + request.body;
  return out;
}

std::string post(HttpWorld& world, const std::string& headers, const std::string& body) {
  return world.exchange("POST /a HTTP/1.1\r\nHost: x\r\n" + headers +
                        "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

const std::string json = "Content-Type: application/json";

}  // namespace

TEST_CASE("bodies are decompressed", "[http]") {
  HttpWorld world({.body_bytes_max = 100'000});
  world.routes.add("POST", "/a", tell);
  const auto coding = GENERATE(http::Coding::gzip, http::Coding::deflate, http::Coding::br);
  const std::string header = std::string("Content-Encoding: ") + http::name_of(coding) + "\r\n";

  SECTION("with a length, or in chunks") {
    const auto packed = http::compress(coding, "hello, world");
    CHECK(body_of(post(world, header, packed)) == "body=hello, world");
    std::string chunks;
    for (const char c : packed) chunks += std::string("1\r\n") + c + "\r\n";
    CHECK(body_of(world.exchange("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" +
                                 header + "\r\n" + chunks + "0\r\n\r\n")) == "body=hello, world");
  }
  SECTION("up to the limit") {
    CHECK_THAT(post(world, header, http::compress(coding, std::string(100'000, 'a'))),
               StartsWith("HTTP/1.1 200"));
    CHECK_THAT(post(world, header, http::compress(coding, std::string(100'001, 'a'))),
               StartsWith("HTTP/1.1 413"));
    CHECK_THAT(post(world, header, http::compress(coding, std::string(50 << 20, 'a'))),
               StartsWith("HTTP/1.1 413"));
  }
  SECTION("to their end") {
    const auto packed = http::compress(coding, "hello, world");
    CHECK_THAT(post(world, header, packed.substr(0, packed.size() - 1)),
               StartsWith("HTTP/1.1 400"));
    CHECK_THAT(post(world, header, packed + "x"), StartsWith("HTTP/1.1 400"));
    CHECK_THAT(post(world, header, "no such thing"), StartsWith("HTTP/1.1 400"));
    CHECK(body_of(post(world, header, "")) == "body=");
  }
}

TEST_CASE("codings and charsets that nobody knows are refused", "[http]") {
  HttpWorld world;
  world.routes.add("POST", "/a", tell);
  CHECK_THAT(post(world, "Content-Encoding: zstd\r\n", "x"), StartsWith("HTTP/1.1 415"));
  CHECK_THAT(post(world, "Content-Encoding: gzip, br\r\n", "x"), StartsWith("HTTP/1.1 415"));
  CHECK_THAT(post(world, json + "; charset=utf-7\r\n", "{}"), StartsWith("HTTP/1.1 415"));
  CHECK(body_of(post(world, "Content-Encoding: identity\r\n", "x")) == "body=x");
}

TEST_CASE("a route says itself what its refusals look like", "[http]") {
  HttpWorld world({.body_bytes_max = 4});
  world.routes.add("POST", "/a/<id>", tell,
                   [](const http::Request& request, const Error& error, unsigned status) {
                     http::Response out;
                     out.status = status;
                     out.body = request.parameters.at("id") + " " + to_string(error.code);
                     return out;
                   });
  const std::string start = "POST /a/b HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = start + "Transfer-Encoding: chunked\r\n\r\n";
  const auto refused = [&world](const std::string& sent) { return world.exchange(sent, false); };

  const auto declared = refused(start + "Content-Length: 5\r\n\r\nhello");
  CHECK_THAT(declared, StartsWith("HTTP/1.1 413"));
  CHECK(body_of(declared) == "b InputTooLarge");
  CHECK(body_of(refused(chunked + "5\r\nhello\r\n0\r\n\r\n")) == "b InputTooLarge");
  CHECK(body_of(refused(chunked + "x\r\n")) == "b InputError");
  const auto coded = refused(start + "Content-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx");
  CHECK_THAT(coded, StartsWith("HTTP/1.1 415"));
  CHECK(body_of(coded) == "b InputError");
  CHECK(body_of(refused(start + "Content-Length: 4\r\n\r\nfour")) == "body=four");
}

TEST_CASE("JSON arrives as UTF-8", "[http]") {
  HttpWorld world;
  world.routes.add("POST", "/a", tell);
  CHECK(body_of(post(world, json + "\r\n", "\xEF\xBB\xBF{}")) == "body={}");
  CHECK(body_of(post(world, json + "; charset=\"UTF-8\"\r\n", "\xC3\xBC")) == "body=\xC3\xBC");
  CHECK(body_of(post(world, json + ";a=b; charset=US-ASCII\r\n", "{}")) == "body={}");
  CHECK(body_of(post(world, json + "; charset=iso-8859-1\r\n", "\xFC")) == "body=\xC3\xBC");
  CHECK(body_of(post(world, "Content-Type: image/x; charset=none\r\n", "\xEF\xBB\xBF\xFC")) ==
        "body=\xEF\xBB\xBF\xFC");
}

TEST_CASE("no body is not an empty body", "[http]") {
  HttpWorld world;
  world.routes.add("POST", "/a", tell);
  const std::string start = "POST /a HTTP/1.1\r\nHost: x\r\n";
  CHECK(body_of(world.exchange(start + "\r\n")) == "none=");
  CHECK(body_of(world.exchange(start + "Content-Length: 0\r\n\r\n")) == "body=");
  CHECK(body_of(world.exchange(start + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")) == "body=");
}

TEST_CASE("a peer that waits for it is told to send its body", "[http]") {
  HttpWorld world;
  world.routes.add("POST", "/a", tell);
  const std::string start = "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
  const auto told = world.exchange(start + "Content-Length: 2\r\n\r\nhi");
  CHECK_THAT(told, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
  CHECK_THAT(told, Contains("body=hi"));
  const auto refused = world.exchange(start + "Content-Length: 99999999\r\n\r\n", false);
  CHECK_THAT(refused, StartsWith("HTTP/1.1 413"));
}
