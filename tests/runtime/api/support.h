// What the tests of runtime/api share: a service, somebody who answers, somebody who calls.
#pragma once

#include "runtime/api/call.h"
#include "runtime/rpc/errors.h"
#include "tests/runtime/api/sample.capnp.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::api {

inline const Service& notes() {
  static const Service service = read_service(capnp::Schema::from<sample::Notes>());
  return service;
}

/// Somebody with these scopes; nothing: whose credentials do not hold.
class TestCaller final : public Caller {
 public:
  explicit TestCaller(std::optional<std::vector<std::string>> scopes, bool anonymous = false)
      : scopes_(std::move(scopes)), anonymous_(anonymous) {}

  const Credentials& credentials() override {
    asked += 1;
    if (!scopes_) {
      kj::throwFatalException(exception_from({Errc::unauthenticated, "Unauthorized: Bad mac"}));
    }
    credentials_ = {anonymous_ ? anonymous_client_id : "tester", ScopeSet::of(*scopes_), Instant{},
                    anonymous_};
    return credentials_;
  }
  std::vector<std::string> roles_granting(std::string_view scope) override {
    if (scope == "notes:read:abc") return {"reader"};
    if (scope == "notes:read:many") return {"a", "b", "c", "d", "e", "f", "g"};
    return {};
  }

  int asked = 0;

 private:
  const std::optional<std::vector<std::string>> scopes_;
  const bool anonymous_;
  Credentials credentials_;
};

/// Repeats what it is given.
class TestNotes final : public sample::Notes::Server {
 public:
  explicit TestNotes(Call& call) : call_(call) {}

  kj::Promise<void> alive(AliveContext context) override {
    context.getResults().setText("yes");
    return kj::READY_NOW;
  }
  kj::Promise<void> read(ReadContext context) override {
    context.getResults().setText(context.getParams().getId());
    return kj::READY_NOW;
  }
  kj::Promise<void> write(WriteContext context) override {
    const auto note = context.getParams().getNote();
    ScopeParameters::List labels;
    for (const auto label : note.getLabels()) labels.emplace_back(label.cStr());
    ScopeParameters values;
    values.text("id", context.getParams().getId().cStr()).list("labels", std::move(labels));
    call_.authorize(values);
    context.setResults(note);
    return kj::READY_NOW;
  }
  kj::Promise<void> list(ListContext context) override {
    auto list = context.getResults().initNotes(1);
    list[0].setText(context.getParams().getPrefix());
    return kj::READY_NOW;
  }
  kj::Promise<void> forget(ForgetContext) override { return kj::READY_NOW; }
  kj::Promise<void> whisper(WhisperContext) override { return kj::READY_NOW; }
  kj::Promise<void> careless(CarelessContext context) override {
    context.getResults().setText("x");
    return kj::READY_NOW;
  }

 private:
  Call& call_;
};

inline kj::Own<capnp::Capability::Server> serve_notes(Call& call) {
  return kj::heap<TestNotes>(call);
}

}  // namespace troupe::api
