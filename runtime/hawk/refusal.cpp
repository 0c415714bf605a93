#include "runtime/hawk/refusal.h"

#include <algorithm>
#include <array>

namespace troupe::hawk {
namespace {

/// Between its ends a text has what the caller sent.
struct Kind {
  std::string_view begins;
  std::string_view ends;
  std::string_view reason;
};

constexpr std::array kinds = {
    Kind{"Bad Request: ", "", "malformed"},
    Kind{"Cannot use two authentication schemes", "", "malformed"},
    Kind{"Failed to parse ext", "", "malformed"},
    Kind{"Client with clientId", "' not found", "unknown-client"},
    Kind{"Client with clientId", "' is disabled", "disabled"},
    Kind{"Client with clientId", "' has expired", "expired"},
    Kind{"Client with clientId", "' has another access token by now", "token"},
    Kind{"ext.certificate", "", "certificate"},
    Kind{"ext.authorizedScopes", "", "authorized-scopes"},
    Kind{"Supplied credentials do not satisfy authorizedScopes", "", "authorized-scopes"},
    Kind{"Unauthorized: Bad mac", "", "mac"},
    Kind{"Unauthorized: Stale timestamp", "", "time"},
    Kind{"Unauthorized: Access expired", "", "time"},
    Kind{"Unauthorized: ", "", "malformed"},
    Kind{"Invalid payload hash: ", "", "payload"},
};

}  // namespace

std::string_view reason_of(std::string_view text) {
  const auto found = std::ranges::find_if(kinds, [text](const Kind& kind) {
    return text.starts_with(kind.begins) && text.ends_with(kind.ends);
  });
  return found == kinds.end() ? "other" : found->reason;
}

}  // namespace troupe::hawk
