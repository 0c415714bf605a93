// What who lacks scopes reads.
#include "apps/troupe/cli/refusal.h"

#include <catch2/catch.hpp>

namespace troupe::cli {
namespace {

std::string refusal(const std::string& missing, const std::string& behind = "") {
  return "Client ID ci/a does not have sufficient scopes and is missing the following scopes:"
         "\n\n```\n" +
         missing +
         "\n```\n\nThis request requires the client to satisfy the following scope expression:"
         "\n\n```\nwhatever\n```" +
         behind;
}

TEST_CASE("a refusal becomes one line with what is missing", "[refusal]") {
  CHECK(short_refusal(refusal("queue:get-task:x")) ==
        "client ci/a lacks `queue:get-task:x`: have the scopes given to it");
  CHECK(short_refusal(refusal(R"({
  "AllOf": [
    "a:b",
    {
      "AnyOf": [
        "c",
        "d"
      ]
    }
  ]
})")) == "client ci/a lacks `a:b`, `c` or `d`: have the scopes given to it");
  CHECK(short_refusal(refusal("a", "\n\nRoles that grant some of what is missing: `r`, `s`.")) ==
        "client ci/a lacks `a`: have the scopes given to it; roles that grant some of it: `r`, "
        "`s`");
  CHECK(short_refusal(
            refusal("a", "\n\nRoles that grant some of what is missing: `r`, `s` and 2 more.")) ==
        "client ci/a lacks `a`: have the scopes given to it; roles that grant some of it: `r`, "
        "`s` and 2 more");
}

TEST_CASE("of alternatives a refusal names those that grant the least", "[refusal]") {
  CHECK(short_refusal(refusal(R"({"AnyOf": ["queue:cancel-task:-/g/t",
      "queue:cancel-task-in-project:none",
      {"AllOf": ["queue:cancel-task", "assume:scheduler-id:-/g"]}]})")) ==
        "client ci/a lacks `queue:cancel-task:-/g/t` or `queue:cancel-task-in-project:none` or "
        "another: have the scopes given to it");
  CHECK(short_refusal(refusal(R"({"AnyOf": ["queue:create-task:highest:a/b",
      "queue:create-task:very-high:a/b", "queue:create-task:high:a/b"]})")) ==
        "client ci/a lacks `queue:create-task:high:a/b` or `queue:create-task:very-high:a/b` or "
        "another: have the scopes given to it");
  CHECK(short_refusal(refusal(R"({"AnyOf": [{"AllOf": ["a", "b"]}, "c"]})")) ==
        "client ci/a lacks `a` and `b` or `c`: have the scopes given to it");
}

TEST_CASE("what stands in front of a refusal stays", "[refusal]") {
  CHECK(short_refusal("task x goes on, but may not be followed: " + refusal("a")) ==
        "task x goes on, but may not be followed: client ci/a lacks `a`: have the scopes given to "
        "it");
}

TEST_CASE("other words stay, in one line", "[refusal]") {
  CHECK(short_refusal("not yours\n\nreally") == "not yours really");
  CHECK(short_refusal(refusal("{\n\"AnyOf\": [\n... and more")).find('\n') == std::string::npos);
  CHECK(short_refusal(std::string(2'000, 'x')).size() < 600);
}

}  // namespace
}  // namespace troupe::cli
