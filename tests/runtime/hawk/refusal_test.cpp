// What figures call the faults that a caller is told of.
#include "runtime/hawk/refusal.h"

#include <catch2/catch.hpp>

#include <string_view>

namespace troupe::hawk {
namespace {

struct Case {
  std::string_view text;
  std::string_view reason;
};

TEST_CASE("a refusal has a reason by its text", "[hawk]") {
  const auto one = GENERATE(
      values<Case>({{"Bad Request: Missing attributes", "malformed"},
                    {"Unauthorized: Unauthorized", "malformed"},
                    {"Failed to parse ext", "malformed"},
                    {"Client with clientId 'a/b' not found", "unknown-client"},
                    {"Client with clientId 'a/b' is disabled", "disabled"},
                    {"Client with clientId: 'a/b' has expired", "expired"},
                    {"Client with clientId 'a/b' has another access token by now", "token"},
                    {"ext.certificate.expiry < now", "certificate"},
                    {"ext.authorizedScopes must be an array", "authorized-scopes"},
                    {"Unauthorized: Bad mac", "mac"},
                    {"Unauthorized: Stale timestamp", "time"},
                    {"Unauthorized: Access expired", "time"},
                    {"Invalid payload hash: x\nComputed payload hash: y", "payload"},
                    {"a text of somebody else", "other"},
                    {"", "other"}}));
  CHECK(reason_of(one.text) == one.reason);
}

TEST_CASE("a client's name does not choose the reason", "[hawk]") {
  CHECK(reason_of("Client with clientId 'x' is disabled' not found") == "unknown-client");
  CHECK(reason_of("Client with clientId 'Unauthorized: Bad mac' is disabled") == "disabled");
}

}  // namespace
}  // namespace troupe::hawk
