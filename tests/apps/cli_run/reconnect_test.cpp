#include "apps/troupe/cli/reconnect.h"

#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;

namespace {

std::string ask_version(Reconnector& server) {
  return server
      .ask([](client::Connection& connection) {
        return connection.troupe().serverInfoRequest().send().then(
            [](capnp::Response<schema::Troupe::ServerInfoResults>&& answer) {
              return kj::str(answer.getVersion());
            });
      })
      .cStr();
}

}  // namespace

TEST_CASE("the first connection fails if nobody answers", "[reconnect]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  Reconnector server(io, fake.target);
  auto failed = server.start().then(
      [] { return false; },
      [](kj::Exception&& exception) { return error_from(exception).code == Errc::unavailable; });
  CHECK(failed.wait(io.waitScope));
}

TEST_CASE("a lost connection is dialled again and the call repeated", "[reconnect]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  Reconnector server(io, fake.target);
  std::vector<std::string> said;
  server.on_loss([&said](const std::string& text) { said.push_back(text); });

  int calls = 0;
  fake.script.server_info = [&](auto context) -> kj::Promise<void> {
    if (++calls == 1) return kj::NEVER_DONE;
    context.getResults().setVersion("second");
    return kj::READY_NOW;
  };
  server.start().wait(io.waitScope);
  // The server goes while the first call is open, and is back a little later.
  auto restart =
      io.provider->getTimer()
          .afterDelay(10 * kj::MILLISECONDS)
          .then([&fake] { fake.stop(); })
          .then([&io] { return io.provider->getTimer().afterDelay(80 * kj::MILLISECONDS); })
          .eagerlyEvaluate(nullptr);
  auto answer = server.call([](client::Connection& connection) {
    return connection.troupe().serverInfoRequest().send().then(
        [](capnp::Response<schema::Troupe::ServerInfoResults>&& results) {
          return kj::str(results.getVersion());
        });
  });
  restart.wait(io.waitScope);
  fake.start();
  CHECK(answer.wait(io.waitScope) == "second");
  CHECK(said == std::vector<std::string>{"connection lost, reconnecting"});
  CHECK(ask_version(server) == "second");
}

TEST_CASE("a busy server is asked again, a refusal is not", "[reconnect]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  Reconnector server(io, fake.target);
  int calls = 0;
  fake.script.server_info = [&calls](auto context) -> kj::Promise<void> {
    if (++calls < 3) return exception_from({Errc::busy, "too many at once"});
    if (calls == 3) {
      context.getResults().setVersion("done");
      return kj::READY_NOW;
    }
    return exception_from({Errc::not_found, "nothing here"});
  };
  CHECK(ask_version(server) == "done");
  CHECK(calls == 3);
  auto refused = kj::runCatchingExceptions([&server] { ask_version(server); });
  KJ_IF_MAYBE (exception, refused) {
    CHECK(error_from(*exception) == Error{Errc::not_found, "nothing here"});
  } else {
    FAIL("the refusal is an answer");
  }
  CHECK(calls == 4);
}
