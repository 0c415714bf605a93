// Any bytes as a resource, and as what a bewit says: what is read leaves a resource that is
// shorter, and none is accepted unless it is signed.
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/bewit.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'700'000'000'000};

// Whose tokens nobody can know who only makes up bytes.
const Realm& realm() {
  static const LoneClientRealm value("tester", Secret("not in any corpus"), {"a:*"});
  return value;
}

void read_resource(std::string_view resource) {
  const auto outcome = authenticate(
      {.method = "get", .resource = resource, .host = "troupe.example", .port = 443}, realm(), now);
  TROUPE_INVARIANT(!std::holds_alternative<Success>(outcome));
  if (!has_bewit(resource)) {
    TROUPE_INVARIANT(std::holds_alternative<NoAuth>(outcome));
    TROUPE_INVARIANT(!has_two_schemes(resource, "Hawk"));
    return;
  }
  const auto parsed = parse_bewit("get", resource);
  if (!parsed.ok()) {
    TROUPE_INVARIANT(parsed.error().code == Errc::unauthenticated);
    return;
  }
  const Bewit& bewit = parsed.value();
  TROUPE_INVARIANT(bewit.resource.size() < resource.size());
  TROUPE_INVARIANT(bewit.resource.starts_with('/'));
  TROUPE_INVARIANT(!bewit.id.empty());
  TROUPE_INVARIANT(!bewit.mac.empty());
}

}  // namespace
}  // namespace troupe::hawk

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  hawk::read_resource(text);
  hawk::read_resource("/path?a=1&bewit=" + to_base64url(as_bytes(text)) + "&b=2");
  return 0;
}
