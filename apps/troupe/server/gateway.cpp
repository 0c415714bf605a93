#include "apps/troupe/server/gateway.h"

#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/hawk/credentials.h"
#include "runtime/hawk/refusal.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <string>
#include <string_view>
#include <utility>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr std::size_t nonce_bytes = 32;

[[noreturn]] void refuse(const std::string& why) {
  throw_error({Errc::unauthenticated, why});
}

class Gateway final : public schema::Gateway::Server {
 public:
  explicit Gateway(BehindGateway behind) : behind_(std::move(behind)) {}

  Promise<void> hello(HelloContext context) override {
    nonce_ = random_bytes(nonce_bytes);
    auto results = context.getResults();
    results.setProtocol(schema::PROTOCOL_VERSION);
    results.setVersion(TROUPE_VERSION);
    results.setNonce({reinterpret_cast<const kj::byte*>(nonce_.data()), nonce_.size()});
    return READY_NOW;
  }

  Promise<void> authenticate(AuthenticateContext context) override {
    const auto params = context.getParams();
    const std::string client_id(params.getClientId().begin(), params.getClientId().size());
    // One nonce, one attempt.
    const std::string nonce = std::exchange(nonce_, {});
    if (nonce.empty()) refuse("ask hello for a nonce first");
    const std::string ext(params.getExt().begin(), params.getExt().size());
    const auto found =
        hawk::find_credentials(client_id, ext, behind_.realm, behind_.clock.wall_now());
    const bool valid = found.ok();
    // An unknown client costs the same time as a wrong token, and gets the same answer.
    const std::string_view key = valid ? found.value().key.reveal() : std::string_view(nonce);
    const std::string restrictions = ext.empty() ? "" : "\n" + ext;
    const Sha256 expected =
        hmac_sha256(key, "troupe rpc 1\n" + nonce + "\n" + client_id + restrictions);
    const auto mac = params.getMac();
    const bool proven = constant_time_equal(expected, {mac.begin(), mac.size()});
    if (!valid || !proven) {
      log_event(LogLevel::warning, "authentication_failed",
                {{"client", client_id}, {"source_ip", behind_.peer}});
      behind_.on_refused(valid ? hawk::unproven("Bad mac").detail : found.error().detail);
      refuse("client \"" + client_id +
             "\" is unknown, disabled, expired, or its access token is wrong");
    }
    behind_.on_proven(found.value().is_temporary);
    context.getResults().setSession(behind_.open_session({client_id, ext, found.value().key}));
    return READY_NOW;
  }

 private:
  const BehindGateway behind_;
  std::string nonce_;
};

}  // namespace

schema::Gateway::Client make_gateway(BehindGateway behind) {
  return kj::heap<Gateway>(std::move(behind));
}

}  // namespace troupe::server
