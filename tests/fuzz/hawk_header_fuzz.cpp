// Any bytes as an `Authorization` header. What is read is the header's own text, and none is
// accepted unless it is signed; the same bytes as base64 are an `ext`, or none.
#include "runtime/base/assert.h"
#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/ext.h"
#include "runtime/hawk/header.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'700'000'000'000};

// Whose tokens nobody can know who only makes up bytes.
const Realm& realm() {
  static const LoneClientRealm value("tester", Secret("not in any corpus"), {"a:*"});
  return value;
}

void check_inside(std::string_view part, std::string_view text) {
  TROUPE_INVARIANT(part.empty() || (part.data() >= text.data() &&
                                    part.data() + part.size() <= text.data() + text.size()));
}

void read_header(std::string_view text) {
  const auto parsed = parse_header(text);
  if (!parsed.ok()) {
    TROUPE_INVARIANT(parsed.error().code == Errc::unauthenticated);
    return;
  }
  const Header& header = parsed.value();
  for (const std::string_view part : {header.id, header.ts, header.nonce, header.hash, header.ext,
                                      header.mac, header.app, header.dlg}) {
    check_inside(part, text);
  }
  TROUPE_INVARIANT(!header.id.empty());
  TROUPE_INVARIANT(!header.mac.empty());
}

void read_ext(std::string_view text) {
  const auto ext = parse_ext(text);
  if (!ext.ok()) return;
  if (const auto& authorized = ext.value().authorized_scopes) {
    TROUPE_INVARIANT(authorized->fault.empty() || authorized->scopes.empty());
    for (const std::string& scope : authorized->scopes) TROUPE_INVARIANT(is_valid_scope(scope));
  }
}

}  // namespace
}  // namespace troupe::hawk

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe::hawk;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_header(text);
  read_ext(text);
  const auto outcome = authenticate({.method = "get",
                                     .resource = "/path",
                                     .host = "troupe.example",
                                     .port = 443,
                                     .authorization = text},
                                    realm(), now);
  TROUPE_INVARIANT(!std::holds_alternative<Success>(outcome));
  return 0;
}
