#include "apps/troupe/cli/once.h"

#include "runtime/base/random.h"
#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;

TEST_CASE("a command whose answer was lost keeps its request id, the next has its own", "[once]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  std::vector<std::string> ids;
  // The first answer to each command is lost.
  const auto answer = [&ids](auto context) -> kj::Promise<void> {
    ids.push_back(context.getParams().getRequestId().cStr());
    if (ids.size() % 2 == 1) return exception_from({Errc::unavailable, "restarting"});
    return kj::READY_NOW;
  };
  fake.script.rerun_task = answer;
  fake.script.create_worker_token = answer;
  Reconnector server(io, fake.target);
  rerun_task(server, "A").wait(io.waitScope);
  rerun_task(server, "A").wait(io.waitScope);
  create_worker_token(server, "local/default", 1).wait(io.waitScope);
  REQUIRE(ids.size() == 6);
  for (std::size_t i = 0; i < ids.size(); i += 2) {
    CHECK(is_slugid(ids[i]));
    CHECK(ids[i] == ids[i + 1]);
    CHECK(ids[i] != ids[(i + 2) % ids.size()]);
  }
}
