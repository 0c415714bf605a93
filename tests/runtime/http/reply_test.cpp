#include "runtime/http/reply.h"

#include "runtime/http/content_coding.h"
#include "runtime/http/response_headers.h"

#include <catch2/catch.hpp>

#include <strings.h>

#include <string>

using namespace troupe;
using http::Coding;

namespace {

http::Request request_for(const std::string& path, http::Headers headers = {}) {
  http::Request out;
  out.verb = out.method = "GET";
  out.path = path;
  out.headers = std::move(headers);
  out.request_id = "r";
  out.trace_id = "t";
  return out;
}

std::string header_of(const http::Response& response, const std::string& name) {
  for (const auto& entry : response.headers) {
    if (strcasecmp(entry.first.c_str(), name.c_str()) == 0) return entry.second;
  }
  return "-";
}

// With all headers that are sent.
http::Response completed(const http::Request& request, http::Response response) {
  http::complete_response(request, response);
  http::Headers sent;
  http::headers_of(request.path, response)
      .forEach([&sent](kj::StringPtr name, kj::StringPtr value) {
        sent.emplace_back(name.cStr(), value.cStr());
      });
  response.headers = std::move(sent);
  return response;
}

std::string inflated(Coding coding, std::string_view bytes) {
  const auto inflater = http::make_inflater(coding);
  std::string out;
  REQUIRE(inflater->feed(bytes, out, 1 << 30).ok());
  REQUIRE(inflater->complete());
  return out;
}

}  // namespace

TEST_CASE("every response has its headers", "[http]") {
  const auto plain = completed(request_for("/healthz"), http::json_response("{}"));
  CHECK(header_of(plain, "x-content-type-options") == "nosniff");
  CHECK(header_of(plain, "content-security-policy") ==
        "report-uri /__cspreport__;default-src 'none';frame-ancestors 'none';");
  CHECK(header_of(plain, "x-for-request-id") == "r");
  CHECK(header_of(plain, "x-for-trace-id") == "t");
  CHECK(header_of(plain, "content-type") == "application/json; charset=utf-8");
  CHECK(header_of(plain, "access-control-allow-origin") == "-");

  SECTION("those of the API more") {
    const std::string path = GENERATE("/api/queue/v1/ping", "/api/queue/v1", "/api/no/v1/x/y");
    const auto response = completed(request_for(path), http::not_found_response());
    CHECK(header_of(response, "cache-control") == "no-store no-cache must-revalidate");
    CHECK(header_of(response, "access-control-allow-origin") == "*");
    CHECK(header_of(response, "access-control-max-age") == "900");
    CHECK(header_of(response, "access-control-allow-methods") ==
          "OPTIONS,GET,HEAD,POST,PUT,DELETE,TRACE,CONNECT");
    CHECK(header_of(response, "access-control-request-method") == "*");
    CHECK(header_of(response, "access-control-allow-headers") ==
          "X-Requested-With,Content-Type,Authorization,Accept,Origin,Cache-Control");
  }
  SECTION("others not") {
    const std::string path = GENERATE("/api", "/api/", "/api/queue", "/api/queue/x", "/api//v1",
                                      "/apis/queue/v1", "/api/queue/v", "/api/queue/v1x");
    const auto response = completed(request_for(path), http::not_found_response());
    CHECK(header_of(response, "cache-control") == "-");
  }
  SECTION("and a handler's own stay") {
    auto own = http::json_response("{}");
    own.headers.emplace_back("cache-control", "max-age=1");
    const auto response = completed(request_for("/api/queue/v1/x"), own);
    CHECK(header_of(response, "cache-control") == "max-age=1");
  }
  SECTION("but without a body no type") {
    http::Response none;
    none.status = 204;
    none.body = "dropped";
    const auto response = completed(request_for("/"), none);
    CHECK(response.body.empty());
    CHECK(header_of(response, "content-type") == "-");
  }
}

TEST_CASE("a trace id is the peer's or new", "[http]") {
  CHECK(http::trace_id_of("abc-1") == "abc-1");
  for (const std::string bad : {"", "a b", "a\nb", "\xC3\xBC"}) {
    CHECK(http::trace_id_of(bad).size() == 36);
  }
  CHECK(http::trace_id_of(std::string(129, 'a')).size() == 36);
  CHECK(http::trace_id_of("") != http::trace_id_of(""));
}

TEST_CASE("a body that the peer has is not sent again", "[http]") {
  const auto first = completed(request_for("/"), http::json_response("{\"a\":1}"));
  const auto tag = header_of(first, "etag");
  CHECK(tag.starts_with("W/\""));
  const auto again = [&tag](const std::string& list, const std::string& body) {
    return completed(request_for("/", {{"if-none-match", list}}), http::json_response(body));
  };
  const auto same = again("\"x\", " + tag, "{\"a\":1}");
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(header_of(same, "etag") == tag);
  CHECK(header_of(same, "content-type") == "-");
  CHECK(again("*", "{\"a\":1}").status == 304);
  CHECK(again(tag.substr(2), "{\"a\":1}").status == 304);
  CHECK(again(tag, "{\"a\":2}").status == 200);
  CHECK(again("", "{\"a\":1}").status == 200);

  auto posted = request_for("/", {{"if-none-match", "*"}});
  posted.verb = posted.method = "POST";
  CHECK(completed(posted, http::json_response("{}")).status == 200);
  CHECK(completed(request_for("/", {{"if-none-match", "*"}}), http::not_found_response()).status ==
        404);
}

TEST_CASE("large texts are compressed for those who take it", "[http]") {
  const std::string text(4'000, 'a');
  const auto answer = [&text](const std::string& accepted) {
    return completed(request_for("/", {{"accept-encoding", accepted}}), http::json_response(text));
  };
  for (const auto& [accepted, coding] :
       {std::pair("gzip", Coding::gzip), std::pair("deflate", Coding::deflate),
        std::pair("br", Coding::br), std::pair("gzip, deflate, br", Coding::br),
        std::pair("*", Coding::br), std::pair("br;q=0, *;q=0.5", Coding::gzip)}) {
    INFO(accepted);
    const auto response = answer(accepted);
    CHECK(header_of(response, "content-encoding") == http::name_of(coding));
    CHECK(header_of(response, "vary") == "Accept-Encoding");
    CHECK(header_of(response, "etag") == header_of(answer(""), "etag"));
    CHECK(inflated(coding, response.body) == text);
  }
  for (const std::string accepted :
       {"", "identity", "gzip;q=0", "zstd", "gzip;q=x", "*;q=0", "identity, gzip;q=0.5"}) {
    INFO(accepted);
    const auto response = answer(accepted);
    CHECK(header_of(response, "content-encoding") == "-");
    CHECK(header_of(response, "vary") == "Accept-Encoding");
    CHECK(response.body == text);
  }

  SECTION("small ones, pictures and what is packed already are not") {
    const auto request = request_for("/", {{"accept-encoding", "gzip"}});
    const auto small = completed(request, http::json_response(std::string(1'023, 'a')));
    CHECK(header_of(small, "content-encoding") == "-");
    CHECK(header_of(small, "vary") == "-");
    http::Response picture = http::json_response(text);
    picture.content_type = "image/png";
    CHECK(header_of(completed(request, picture), "content-encoding") == "-");
    http::Response packed = http::json_response(text);
    packed.headers.emplace_back("content-encoding", "zstd");
    CHECK(completed(request, packed).body == text);
  }
}

TEST_CASE("codings are undone within limits", "[http]") {
  const auto coding = GENERATE(Coding::gzip, Coding::deflate, Coding::br);
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i);
  const std::string packed = http::compress(coding, text);
  std::string out;

  SECTION("in pieces") {
    const auto inflater = http::make_inflater(coding);
    for (std::size_t at = 0; at < packed.size(); at += 100) {
      CHECK_FALSE(inflater->complete());
      REQUIRE(inflater->feed(std::string_view(packed).substr(at, 100), out, text.size()).ok());
    }
    CHECK(inflater->complete());
    CHECK(out == text);
  }
  SECTION("not past the limit, however much there is") {
    const std::string bomb = http::compress(coding, std::string(64 << 20, 'a'));
    const auto inflater = http::make_inflater(coding);
    const auto fed = inflater->feed(bomb, out, 1 << 20);
    REQUIRE_FALSE(fed.ok());
    CHECK(fed.error().code == Errc::too_large);
    CHECK(out.size() <= 1 << 20);
  }
  SECTION("not what is damaged") {
    std::string damaged = packed;
    for (std::size_t i = 0; i < damaged.size(); i += 7) damaged[i] = '\x55';
    const auto inflater = http::make_inflater(coding);
    const auto fed = inflater->feed(damaged, out, 1 << 30);
    CHECK((!fed.ok() || !inflater->complete()));
  }
  SECTION("not what follows") {
    const auto inflater = http::make_inflater(coding);
    CHECK_FALSE(inflater->feed(packed + "more", out, 1 << 30).ok());
  }
}
