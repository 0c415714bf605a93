// Authorisation, over RPC: whoever calls, and whatever is called.
#include "runtime/api/guard.h"
#include "tests/runtime/api/support.h"

#include <catch2/catch.hpp>
#include <kj/async.h>

namespace troupe::api {
namespace {

struct Fixture {
  kj::EventLoop loop;
  kj::WaitScope scope{loop};

  SystemClock clock;
  std::vector<std::string> reports;
  Serve serve = serve_notes;

  sample::Notes::Client client(std::shared_ptr<TestCaller> caller) {
    return make_guarded({notes(), serve, std::move(caller), "192.0.2.1",
                         [this](const CallReport& report) {
                           const auto* const who = report.credentials;
                           reports.push_back(report.peer + " " + report.method.name + " " +
                                             std::to_string(report.status) + " " +
                                             (who != nullptr ? who->client_id : "nobody"));
                           CHECK(report.face == Face::rpc);
                           CHECK(report.request == nullptr);
                         },
                         clock})
        .castAs<sample::Notes>();
  }

  template <class Request>
  std::string outcome(Request&& request) {
    return request.send()
        .then([](auto&&) { return std::string("done"); },
              [](kj::Exception&& e) {
                const Error error = error_from(e);
                return std::string(to_string(error.code)) + ": " + error.detail;
              })
        .wait(scope);
  }

  std::string read(std::optional<std::vector<std::string>> scopes,
                   const char* id,
                   bool anonymous = false) {
    auto request = client(std::make_shared<TestCaller>(std::move(scopes), anonymous)).readRequest();
    request.setId(id);
    return outcome(kj::mv(request));
  }
};

TEST_CASE("a call needs its scopes", "[api]") {
  Fixture f;
  CHECK(f.read(std::vector<std::string>{"notes:read:*"}, "abc") == "done");
  CHECK(f.read(std::vector<std::string>{"notes:read:abc"}, "abc") == "done");
  CHECK(f.read(std::vector<std::string>{"notes:write:abc"}, "abc") ==
        "InsufficientScopes: Client ID tester does not have sufficient scopes and is missing the "
        "following scopes:\n\n```\nnotes:read:abc\n```\n\nThis request requires the client to "
        "satisfy the following scope expression:\n\n```\nnotes:read:abc\n```\n\n"
        "Roles that grant some of what is missing: `reader`.");
}

TEST_CASE("a refusal says how many roles it does not name", "[api]") {
  Fixture f;
  CHECK(f.read(std::vector<std::string>{}, "many")
            .ends_with("Roles that grant some of what is missing: `a`, `b`, `c`, `d`, `e` and 2 "
                       "more."));
}

TEST_CASE("who has no credentials is asked for some", "[api]") {
  Fixture f;
  CHECK(f.read(std::vector<std::string>{}, "abc", true) ==
        "InsufficientScopes: This request requires Taskcluster credentials that satisfy the "
        "following scope expression:\n\n```\nnotes:read:abc\n```");
  CHECK(f.read(std::nullopt, "abc") == "AuthenticationFailed: Unauthorized: Bad mac");
}

TEST_CASE("scopes come before limits", "[api]") {
  Fixture f;
  CHECK(f.read(std::vector<std::string>{}, "A1", true).starts_with("InsufficientScopes"));
  CHECK(f.read(std::vector<std::string>{"*"}, "A1").starts_with("InvalidRequestArguments: id: "));
}

TEST_CASE("public methods never look at credentials", "[api]") {
  Fixture f;
  auto caller = std::make_shared<TestCaller>(std::nullopt);
  CHECK(f.outcome(f.client(caller).aliveRequest()) == "done");
  CHECK(caller->asked == 0);
}

TEST_CASE("a method that says its values is checked by them", "[api]") {
  Fixture f;
  const auto write = [&](std::vector<std::string> scopes) {
    auto request = f.client(std::make_shared<TestCaller>(std::move(scopes))).writeRequest();
    request.setId("abc");
    request.initNote().setText("hi");
    request.getNote().initLabels(1).set(0, "red");
    return f.outcome(kj::mv(request));
  };
  CHECK(write({"notes:write:abc", "notes:label:red"}) == "done");
  const auto refused = write({"notes:write:*"});
  CHECK(refused.find("missing the following scopes:\n\n```\nnotes:label:red\n```") !=
        std::string::npos);
}

TEST_CASE("a body over RPC is held to its limits", "[api]") {
  Fixture f;
  auto request =
      f.client(std::make_shared<TestCaller>(std::vector<std::string>{"*"})).writeRequest();
  request.setId("abc");
  request.initNote().setText("too long");
  CHECK(f.outcome(kj::mv(request)).starts_with("InputValidationError: text: "));
}

TEST_CASE("a body that is left out over RPC is missing, not one of zeros", "[api]") {
  Fixture f;
  auto client = f.client(std::make_shared<TestCaller>(std::vector<std::string>{"*"}));
  auto request = client.writeRequest();
  request.setId("abc");
  CHECK(f.outcome(kj::mv(request)) == "InputValidationError: note: required, but missing");
  auto wrong = client.writeRequest();
  wrong.setId("A1");
  CHECK(f.outcome(kj::mv(wrong)).starts_with("InvalidRequestArguments: id: "));
}

TEST_CASE("a method that answers unchecked is a fault of ours", "[api]") {
  Fixture f;
  auto request =
      f.client(std::make_shared<TestCaller>(std::vector<std::string>{"*"})).carelessRequest();
  request.setId("abc");
  CHECK(f.outcome(kj::mv(request)) ==
        "InternalServerError: notes.careless answered without having been authorised");
}

TEST_CASE("a method that the service lacks is refused with a code", "[api]") {
  Fixture f;
  auto other = f.client(std::make_shared<TestCaller>(std::vector<std::string>{"*"}))
                   .castAs<sample::Unmarked>();
  CHECK(f.outcome(other.methodRequest()) ==
        "InputError: the service notes has no method 0 of that interface: this server may be older "
        "than the program that calls it");
  CHECK(f.reports.empty());
}

// Serves nothing of what its schema has.
class Unbuilt final : public sample::Notes::Server {};

TEST_CASE("so is one that is not built", "[api]") {
  Fixture f;
  f.serve = [](Call&) { return kj::heap<Unbuilt>(); };
  auto request = f.client(std::make_shared<TestCaller>(std::nullopt)).aliveRequest();
  auto type = kj::Exception::Type::FAILED;
  const auto text = request.send()
                        .then([](auto&&) { return std::string(); },
                              [&type](kj::Exception&& e) {
                                type = e.getType();
                                return std::string(e.getDescription().cStr());
                              })
                        .wait(f.scope);
  CHECK(text ==
        "InputError: notes.alive is not built here: this server may be older than the program that "
        "calls it");
  CHECK(type == kj::Exception::Type::UNIMPLEMENTED);
  CHECK(f.reports == std::vector<std::string>{"192.0.2.1 alive 400 nobody"});
}

TEST_CASE("each call over RPC is reported once, at its end", "[api]") {
  Fixture f;
  f.read(std::vector<std::string>{"*"}, "abc");
  f.read(std::vector<std::string>{}, "abc");
  f.read(std::vector<std::string>{"*"}, "A1");
  f.read(std::nullopt, "abc");
  f.outcome(f.client(std::make_shared<TestCaller>(std::nullopt)).aliveRequest());
  CHECK(f.reports ==
        std::vector<std::string>{"192.0.2.1 read 200 tester", "192.0.2.1 read 403 tester",
                                 "192.0.2.1 read 400 tester", "192.0.2.1 read 401 nobody",
                                 "192.0.2.1 alive 200 nobody"});
}

/// Answers when it is let.
class Slow final : public sample::Notes::Server {
 public:
  explicit Slow(kj::Promise<void> let) : let_(kj::mv(let)) {}
  kj::Promise<void> alive(AliveContext context) override {
    context.allowCancellation();
    return kj::mv(let_);
  }

 private:
  kj::Promise<void> let_;
};

TEST_CASE("a call that waits is reported when it ends, or is given up", "[api]") {
  Fixture f;
  auto let = kj::newPromiseAndFulfiller<void>();
  f.serve = [&let](Call&) { return kj::heap<Slow>(kj::mv(let.promise)); };
  auto caller = std::make_shared<TestCaller>(std::nullopt);
  auto client = f.client(caller);
  {
    auto answer = client.aliveRequest().send();
    CHECK_FALSE(answer.poll(f.scope));
    CHECK(f.reports.empty());
    SECTION("by its answer") {
      let.fulfiller->fulfill();
      answer.wait(f.scope);
      CHECK(f.reports == std::vector<std::string>{"192.0.2.1 alive 200 nobody"});
      return;
    }
  }
  f.loop.run();
  CHECK(f.reports == std::vector<std::string>{"192.0.2.1 alive 499 nobody"});
}

}  // namespace
}  // namespace troupe::api
