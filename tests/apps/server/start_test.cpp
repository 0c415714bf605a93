#include "apps/troupe/server/server.h"
#include "apps/troupe/server/site.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>

#include <string>

namespace troupe::server {
namespace {

TEST_CASE("what an actor refuses at the start is a start that is refused", "[server]") {
  const test::TempDir dir;
  // No file gets so far with such a scope.
  const StaticClient wrong{"static/a", Secret("abcdefghijklmnopqrstuv"), "", {"b**"}};
  for (const char* when : {"on a new directory", "once more"}) {
    INFO(when);
    auto started = start({.data_dir = dir.path(),
                          .http_address = "127.0.0.1:0",
                          .root_client_id = root_client_name,
                          .root_access_token = "token",
                          .static_clients = {wrong},
                          .keys = KeyRing::make(),
                          .map_size_bytes = 64 << 20},
                         [](const std::string& why) { FAIL(why); });
    REQUIRE_FALSE(started.ok());
    CHECK(started.error() == Error{Errc::internal, "cannot start: scopes must not end with `**`"});
  }
}

}  // namespace
}  // namespace troupe::server
