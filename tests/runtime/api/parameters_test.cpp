// The parts of a request, as parameters.
#include "runtime/api/parameters.h"

#include "runtime/api/error_body.h"
#include "runtime/api/local_context.h"
#include "runtime/transcode/json.h"
#include "tests/runtime/api/support.h"

#include <catch2/catch.hpp>

namespace troupe::api {
namespace {

const Method& read_method() {
  return *notes().find("read");
}

std::string outcome(const Status& status) {
  return status.ok() ? "" : status.error().detail;
}

TEST_CASE("a query string is split and decoded", "[api]") {
  const auto query = read_query("a=1&b=x%2Fy+z&c&&d=");
  REQUIRE(query.ok());
  CHECK(query.value() == NamedTexts{{"a", "1"}, {"b", "x/y z"}, {"c", ""}, {"d", ""}});
  CHECK(read_query("a=%zz").error().code == Errc::bad_arguments);
}

TEST_CASE("query parameters are checked, all at once", "[api]") {
  auto context = kj::refcounted<LocalContext>(read_method());
  CHECK(outcome(fill_query(read_method(), {{"page", "7"}, {"bewit", "x"}}, context->params())) ==
        "");
  CHECK(context->params().get("page").as<std::uint32_t>() == 7);
  CHECK(
      outcome(fill_query(read_method(),
                         {{"page", ""}, {"other", "1"}, {"id", "a"}, {"twice", ""}, {"twice", ""}},
                         context->params())) ==
      "Query-string parameter: page=\"\" does not match expression: /^[0-9]+$/\n"
      "Query-string parameter: other is not supported!\n"
      "Query-string parameter: id is not supported!\n"
      "Query-string parameter: twice must be a string!");
}

TEST_CASE("a number that is too large is the largest", "[api]") {
  auto context = kj::refcounted<LocalContext>(read_method());
  CHECK(outcome(fill_query(read_method(), {{"page", "99999999999999999999999"}},
                           context->params())) == "");
  CHECK(context->params().get("page").as<std::uint32_t>() == 4294967295U);
  CHECK_FALSE(fill_query(read_method(), {{"page", "-1"}}, context->params()).ok());
}

TEST_CASE("parameters of the route have to match", "[api]") {
  auto context = kj::refcounted<LocalContext>(read_method());
  CHECK(outcome(fill_route(read_method(), {{"id", "abc"}}, context->params())) == "");
  CHECK(outcome(fill_route(read_method(), {{"id", "A1"}}, context->params())) ==
        "Invalid URL patterns:\nURL parameter 'id' given as 'A1' must match regular expression: "
        "'/^[a-z]+$/'");
}

TEST_CASE("a body that does not fit says so by JSON pointers", "[api]") {
  const Method& write = *notes().find("write");
  auto context = kj::refcounted<LocalContext>(write);
  const auto status = fill_body(write, R"({"text":"too long","labels":["a",7],"x":1})",
                                "https://example.com/s.json#", context->params());
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::invalid_payload);
  CHECK(status.error().detail.starts_with(
      "\nSchema Validation Failed!\nRejecting Schema: https://example.com/s.json#\nErrors:\n  * "
      "data/text must have at most 5 characters"));
  CHECK(status.error().detail.find("\n  * data/labels/1 must be a string") != std::string::npos);
  CHECK(status.error().detail.find("\n  * data unknown field") != std::string::npos);
  CHECK(fill_body(write, "{", "", context->params()).error().code == Errc::malformed);
}

TEST_CASE("an error repeats the request, with defaults", "[api]") {
  const Method& write = *notes().find("write");
  const NamedTexts route = {{"id", "a/b"}};
  const auto answer = error_answer({Errc::conflict, "it is there"},
                                   {write, route, R"({"text": "hi"})", Instant{0}}, "u-u");
  CHECK(answer.status == 409);
  CHECK(answer.body ==
        R"({"code":"RequestConflict","message":"it is there\n\n---\n\n* method:     write\n)"
        R"(* errorCode:  RequestConflict\n* statusCode: 409\n* time:       )"
        R"(1970-01-01T00:00:00.000Z","requestInfo":{"method":"write","params":{"id":"a/b"},)"
        R"("payload":{"text":"hi","labels":[],"urgent":true},"time":"1970-01-01T00:00:00.000Z"}})");
}

TEST_CASE("a body that was not looked at is repeated without defaults", "[api]") {
  const auto answer =
      error_answer({Errc::bad_arguments, "no"},
                   {*notes().find("write"), {}, R"({"text": "hi"})", Instant{0}, false}, "");
  CHECK(answer.body.find(R"("payload":{"text":"hi"},)") != std::string::npos);
}

TEST_CASE("an error repeats what the method had made of the body", "[api]") {
  const NamedTexts route;
  RequestInfo info{*notes().find("write"), route, R"({"text": "hi"})", Instant{0}};
  info.complete = [](const RequestInfo&, std::string_view body, const Error& error) {
    return "[" + std::string(body) + ",\"" + error.detail + "\"]";
  };
  CHECK(error_answer({Errc::conflict, "no"}, info, "")
            .body.find(R"("payload":[{"text":"hi","labels":[],"urgent":true},"no"],)") !=
        std::string::npos);
  info.is_filled = false;
  CHECK(error_answer({Errc::bad_arguments, "no"}, info, "")
            .body.find(R"("payload":{"text":"hi"},)") != std::string::npos);
}

TEST_CASE("what went wrong inside is not told", "[api]") {
  const auto answer =
      error_answer({Errc::internal, "secret path /x"}, {read_method(), {}, "", Instant{0}}, "1234");
  CHECK(answer.status == 500);
  CHECK(answer.body.find("secret") == std::string::npos);
  CHECK(answer.body.find("Internal Server Error, incidentId 1234.") != std::string::npos);
}

TEST_CASE("a body that is no JSON is repeated as text", "[api]") {
  const auto answer = error_answer({Errc::malformed, "no"},
                                   {*notes().find("write"), {}, "{\"a\":", Instant{0}}, "");
  CHECK(answer.body.find(R"("payload":"{\"a\":")") != std::string::npos);
}

TEST_CASE("a refusal of who one is names the scheme", "[api]") {
  const auto answer =
      error_answer({Errc::unauthenticated, "no"}, {read_method(), {}, "", Instant{0}}, "");
  CHECK(answer.status == 401);
  CHECK(answer.headers == http::Headers{{"www-authenticate", "hawk"}});
}

}  // namespace
}  // namespace troupe::api
