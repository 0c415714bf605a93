// The same methods over HTTP.
#include "runtime/api/http_face.h"

#include "runtime/hawk/mac.h"
#include "tests/runtime/api/support.h"

#include <catch2/catch.hpp>
#include <kj/async.h>

#include <future>
#include <memory>
#include <utility>

namespace troupe::api {
namespace {

struct Sent {
  std::string verb = "GET";
  std::string path;
  std::string query = {};
  std::optional<std::string> body = {};
  std::string content_type = "application/json";
};

struct Face {
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  SystemClock clock;
  std::string root_url = "https://example.com";
  std::optional<std::vector<std::string>> scopes = std::vector<std::string>{"*"};
  std::vector<std::string> reports;
  http::RouteTable routes;
  BodyReaders bodies;

  explicit Face(std::size_t bodies_max = 8) : bodies(1, bodies_max) {
    add_routes(routes,
               {notes(), serve_notes,
                [this](const http::Request&) -> std::unique_ptr<Caller> {
                  return std::make_unique<TestCaller>(scopes);
                },
                [this](const CallReport& report) {
                  reports.push_back(
                      report.method.name + " " + std::to_string(report.status) + " " +
                      (report.credentials != nullptr ? report.credentials->client_id : "nobody"));
                },
                clock, root_url, bodies});
  }

  http::Response send(const Sent& sent) {
    http::Request request;
    return begin(sent, request).wait(scope);
  }

  /// `request` lives until the promise settles or is dropped.
  kj::Promise<http::Response> begin(const Sent& sent, http::Request& request) {
    request.verb = sent.verb;
    request.method = sent.verb == "HEAD" ? "GET" : sent.verb;
    request.path = "/api/notes/v1" + sent.path;
    request.query = sent.query;
    if (sent.body) {
      request.has_body_header = true;
      request.body = *sent.body;
      request.headers.emplace_back("content-type", sent.content_type);
    }
    auto match = routes.match(request.method, request.path);
    REQUIRE(match);
    request.parameters = std::move(match.parameters);
    return (*match.handler)(request);
  }

  std::string code(const Sent& sent) {
    const auto response = send(sent);
    const auto begin = response.body.find("\"code\":\"") + 8;
    return std::to_string(response.status) + " " +
           response.body.substr(begin, response.body.find('"', begin) - begin);
  }
};

TEST_CASE("an answer is a struct, a part of one, or nothing", "[api]") {
  Face face;
  CHECK(face.send({.path = "/note/abc"}).body == R"({"text":"abc","labels":[],"urgent":false})");
  CHECK(face.send({.path = "/notes/a/b"}).body == R"([{"text":"a/b","labels":[],"urgent":false}])");
  const auto forgotten = face.send({.verb = "DELETE", .path = "/note/abc"});
  CHECK(forgotten.status == 204);
  CHECK(forgotten.body.empty());
}

TEST_CASE("a method without a route has none", "[api]") {
  Face face;
  CHECK(face.routes.size() == 6);
}

TEST_CASE("a body is read with its defaults", "[api]") {
  Face face;
  CHECK(face.send({.verb = "PUT", .path = "/note/abc", .body = R"({"text":"hi"})"}).body ==
        R"({"text":"hi","labels":[],"urgent":true})");
}

// Source: spec/api-framework.md, "Processing order of a request".
TEST_CASE("the first fault in order is the one that is told", "[api]") {
  Face face;
  const Sent all{.path = "/note/A1", .query = "x=1", .body = "{"};
  CHECK(face.code(all) == "400 MalformedPayload");
  const Sent unauthenticated{.path = "/note/A1", .query = "x=1"};
  face.scopes = std::nullopt;
  CHECK(face.code(unauthenticated) == "401 AuthenticationFailed");
  face.scopes = std::vector<std::string>{};
  CHECK(face.code(unauthenticated) == "403 InsufficientScopes");
  face.scopes = std::vector<std::string>{"*"};
  CHECK(face.code(unauthenticated) == "400 InvalidRequestArguments");
  CHECK(face.code({.path = "/note/abc", .query = "x=1"}) == "400 InvalidRequestArguments");
}

TEST_CASE("a method that says its values is checked after its input", "[api]") {
  Face face;
  face.scopes = std::vector<std::string>{};
  CHECK(face.code({.verb = "PUT", .path = "/note/A1", .body = "{}"}) ==
        "400 InvalidRequestArguments");
  CHECK(face.code({.verb = "PUT", .path = "/note/abc", .body = "{}"}) ==
        "400 InputValidationError");
  CHECK(face.code({.verb = "PUT", .path = "/note/abc", .body = R"({"text":"hi"})"}) ==
        "403 InsufficientScopes");
}

TEST_CASE("a body that is asked for has to be JSON, and to say so", "[api]") {
  Face face;
  CHECK(face.code({.verb = "PUT", .path = "/note/abc"}) == "400 MalformedPayload");
  CHECK(
      face.code({.verb = "PUT", .path = "/note/abc", .body = "{}", .content_type = "text/plain"}) ==
      "400 MalformedPayload");
  CHECK(face.code({.verb = "PUT", .path = "/note/abc", .body = ""}) == "400 InputValidationError");
  for (const char* scalar : {"null", "7", "\"text\"", "true"}) {
    CHECK(face.code({.verb = "PUT", .path = "/note/abc", .body = scalar}) ==
          "400 MalformedPayload");
  }
  CHECK(face.code({.verb = "PUT", .path = "/note/abc", .body = "[]"}) ==
        "400 InputValidationError");
  const auto typed = face.send({.verb = "PUT",
                                .path = "/note/abc",
                                .body = R"({"text":"hi"})",
                                .content_type = "Application/JSON; charset=utf-8"});
  CHECK(typed.status == 200);
}

/// Made large by what changes nothing.
std::string padded(const std::string& body) {
  return body + std::string(BodyReaders::bytes_min, ' ');
}

/// Holds the one thread that reads large bodies.
class Hold {
 public:
  explicit Hold(Face& face)
      : held_(face.bodies.follow_up([released = released_] { released->get_future().wait(); })
                  .eagerlyEvaluate(nullptr)) {}
  ~Hold() { release(); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

  void release() {
    if (!std::exchange(over_, true)) released_->set_value();
  }

 private:
  const std::shared_ptr<std::promise<void>> released_ = std::make_shared<std::promise<void>>();
  kj::Promise<void> held_;
  bool over_ = false;
};

TEST_CASE("small requests are answered while a large body is read", "[api]") {
  Face face;
  Hold hold(face);
  http::Request request;
  auto large =
      face.begin({.verb = "PUT", .path = "/note/abc", .body = padded(R"({"text":"hi"})")}, request)
          .eagerlyEvaluate(nullptr);
  CHECK_FALSE(large.poll(face.scope));
  CHECK(face.send({.path = "/note/abc"}).status == 200);
  CHECK(face.send({.verb = "PUT", .path = "/note/abc", .body = R"({"text":"hi"})"}).status == 200);
  CHECK_FALSE(large.poll(face.scope));
  hold.release();
  CHECK(large.wait(face.scope).body == R"({"text":"hi","labels":[],"urgent":true})");
}

TEST_CASE("a large body's faults are told as those of a small one", "[api]") {
  Face face;
  const auto same = [&face](Sent sent) {
    const auto timeless = [](std::string text) {
      for (const std::string before : {"* time:       ", "\"time\":\""}) {
        const auto at = text.find(before);
        if (at != std::string::npos) text.erase(at + before.size(), format_time(Instant{0}).size());
      }
      return text;
    };
    const auto small = face.send(sent);
    sent.body = padded(*sent.body);
    const auto large = face.send(sent);
    CHECK(large.status == small.status);
    // What is no JSON is repeated as it came.
    if (large.body.find("Failed to parse JSON") == std::string::npos) {
      CHECK(timeless(large.body) == timeless(small.body));
    }
    return large.status;
  };
  const Sent write{.verb = "PUT", .path = "/note/abc", .body = R"({"text":"hi"})"};
  CHECK(same(write) == 200);
  Sent wrong = write;
  for (const char* body : {"{", "7", "[]", "{}", R"({"text":7,"more":1})"}) {
    wrong.body = body;
    CHECK(same(wrong) == 400);
  }
  CHECK(same({.path = "/note/abc", .body = "[1]"}) == 200);
  CHECK(same({.path = "/note/abc", .body = "{"}) == 400);
  CHECK(same({.path = "/note/A1", .query = "x=1", .body = "{}"}) == 400);
  face.scopes = std::vector<std::string>{};
  CHECK(same(write) == 403);
  CHECK(same({.path = "/note/A1", .query = "x=1", .body = "{}"}) == 403);
  face.scopes = std::nullopt;
  CHECK(same(write) == 401);
}

TEST_CASE("too many large bodies at a time are refused", "[api]") {
  Face face(1);
  Hold hold(face);
  const Sent sent{.verb = "PUT", .path = "/note/abc", .body = padded(R"({"text":"hi"})")};
  http::Request request;
  auto first = face.begin(sent, request).eagerlyEvaluate(nullptr);
  const auto refused = face.send(sent);
  CHECK(refused.status == 503);
  CHECK(refused.headers == http::Headers{{"retry-after", "1"}});
  CHECK(refused.body.find("payload") == std::string::npos);
  CHECK(refused.body.find(R"("method":"write")") != std::string::npos);
  hold.release();
  CHECK(first.wait(face.scope).status == 200);
  CHECK(face.reports == std::vector<std::string>{"write 503 nobody", "write 200 tester"});
}

TEST_CASE("a caller may go while its large body is read", "[api]") {
  Face face;
  Hold hold(face);
  {
    http::Request request;
    auto gone = face.begin({.verb = "PUT", .path = "/note/abc", .body = padded("{}")}, request)
                    .eagerlyEvaluate(nullptr);
    CHECK_FALSE(gone.poll(face.scope));
  }
  hold.release();
  // Comes behind it on the one thread.
  CHECK(face.send({.path = "/note/abc", .body = padded("[1]")}).status == 200);
  CHECK(face.reports == std::vector<std::string>{"read 200 tester"});
}

TEST_CASE("the hash of a large body is worked out where it is read", "[api]") {
  Face face;
  http::Request request;
  request.headers.emplace_back("authorization", "Hawk id=\"a\", hash=\"b\"");
  const auto body = padded("{}");
  face.begin({.path = "/note/abc", .body = body}, request).wait(face.scope);
  CHECK(request.body_hash == hawk::payload_hash("application/json", body));
  CHECK(request.body == body);
  http::Request unsigned_request;
  face.begin({.path = "/note/abc", .body = body}, unsigned_request).wait(face.scope);
  CHECK(unsigned_request.body_hash.empty());
}

TEST_CASE("a body that nobody asked for still has to be JSON", "[api]") {
  Face face;
  CHECK(face.code({.path = "/note/abc", .body = "{"}) == "400 MalformedPayload");
  CHECK(face.send({.path = "/note/abc", .body = "[1]"}).status == 200);
  CHECK(face.send({.path = "/note/abc", .body = "{", .content_type = "text/plain"}).status == 200);
}

TEST_CASE("a fault of ours is not shown", "[api]") {
  Face face;
  const auto response = face.send({.verb = "POST", .path = "/careless/x"});
  CHECK(response.status == 500);
  CHECK(response.body.find("authorised") == std::string::npos);
}

// Source: spec/api-framework.md, "Request bodies" and "Error replies".
TEST_CASE("a request whose body cannot be taken is refused as by its method", "[api]") {
  Face face;
  http::Request request;
  request.path = "/api/notes/v1/note/abc";
  auto match = face.routes.match("PUT", request.path);
  REQUIRE(match);
  REQUIRE(match.refuser != nullptr);
  request.parameters = std::move(match.parameters);
  const auto refused = (*match.refuser)(request, {Errc::too_large, "too much"}, 413);
  CHECK(refused.status == 413);
  using Catch::Matchers::Contains;
  CHECK_THAT(refused.body, Contains(R"({"code":"InputTooLarge","message":"too much\n\n---\n\n)"
                                    R"(* method:     write\n* errorCode:  InputTooLarge\n)"
                                    R"(* statusCode: 413\n* time: )"));
  CHECK_THAT(refused.body,
             Contains(R"("requestInfo":{"method":"write","params":{"id":"abc"},"time":)"));
  const auto unknown = (*match.refuser)(request, {Errc::invalid, "no such coding"}, 415);
  CHECK(unknown.status == 415);
  CHECK_THAT(unknown.body, Contains("* errorCode:  InputError\\n* statusCode: 415\\n"));
  const auto busy = (*match.refuser)(request, {Errc::busy, "too much at once"}, 503);
  CHECK(busy.headers == http::Headers{{"retry-after", "1"}});
  CHECK(face.reports ==
        std::vector<std::string>{"write 413 nobody", "write 415 nobody", "write 503 nobody"});
}

TEST_CASE("each call is reported once", "[api]") {
  Face face;
  face.send({.path = "/note/abc"});
  face.send({.path = "/alive"});
  face.scopes = std::nullopt;
  face.send({.path = "/note/abc"});
  CHECK(face.reports ==
        std::vector<std::string>{"read 200 tester", "alive 200 nobody", "read 401 nobody"});
}

}  // namespace
}  // namespace troupe::api
