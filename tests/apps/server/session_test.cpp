#include "apps/troupe/server/services.h"
#include "schema/rpc/session.capnp.h"

#include <capnp/schema.h>
#include <catch2/catch.hpp>

#include <cstdint>
#include <set>
#include <string>

namespace troupe::server {
namespace {

// The ids of the interfaces that a session's methods answer, one each.
std::set<std::uint64_t> handed_out() {
  std::set<std::uint64_t> ids;
  for (const auto method : capnp::Schema::from<schema::Session>().getMethods()) {
    const auto fields = method.getResultType().getFields();
    REQUIRE(fields.size() == 1);
    ids.insert(fields[0].getType().asInterface().getProto().getId());
  }
  return ids;
}

TEST_CASE("a session hands out every service that there is", "[session]") {
  const auto ids = handed_out();
  CHECK(ids.size() == served_services().size());
  for (const auto& one : served_services()) {
    INFO(one.service.name);
    const auto& method = one.service.methods.front();  // those of its parts are last
    CHECK(ids.contains(method.interface_id));
  }
}

}  // namespace
}  // namespace troupe::server
