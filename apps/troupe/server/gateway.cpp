#include "apps/troupe/server/gateway.h"

#include "actors/auth/client_actor.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/queue_service.h"
#include "apps/troupe/server/troupe_service.h"
#include "apps/troupe/server/worker_service.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/base/secret_box.h"
#include "runtime/process/log.h"

#include <functional>
#include <optional>
#include <utility>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr std::size_t nonce_bytes = 32;

/// A client that has proven who it is.
struct Caller {
  std::string client_id;
  bool is_root = false;
  std::string pool;  // of a worker's token
};

struct Credentials {
  std::string access_token;
  Caller caller;
};

std::optional<Credentials> find_credentials(const Site& site, const std::string& client_id) {
  if (client_id == site.root_client_id) {
    return Credentials{site.root_access_token, {client_id, true, ""}};
  }
  const auto client = auth::find_client(*site.host.snapshot(), client_id);
  if (!client || client->revoked || client->expires <= site.now()) return std::nullopt;
  const auto token = open_secret(site.encryption_key, client_id, client->access_token);
  if (!token) return std::nullopt;
  return Credentials{*token, {client_id, false, client->pool}};
}

class Session final : public schema::Session::Server {
 public:
  Session(Site& site, Caller caller) : site_(site), caller_(std::move(caller)) {}

  Promise<void> queue(QueueContext context) override {
    check("the queue's methods");
    context.getResults().setQueue(make_queue_service(site_));
    return READY_NOW;
  }

  Promise<void> troupe(TroupeContext context) override {
    check("Troupe's own methods");
    context.getResults().setTroupe(make_troupe_service(site_, caller_.client_id));
    return READY_NOW;
  }

  Promise<void> workers(WorkersContext context) override {
    // A token that was revoked meanwhile is out; its claims end with the connection.
    if (!find_credentials(site_, caller_.client_id)) {
      throw_error({Errc::unauthenticated, "client " + caller_.client_id + " is no longer valid"});
    }
    context.getResults().setWorkers(make_worker_service(site_, caller_.client_id, caller_.pool));
    return READY_NOW;
  }

 private:
  void check(const char* what) {
    if (caller_.is_root) return;
    throw_error({Errc::forbidden, "client " + caller_.client_id + " may claim from " +
                                      caller_.pool + " and nothing else: " + what +
                                      " need the credentials of credentials.json"});
  }

  Site& site_;
  const Caller caller_;
};

class Gateway final : public schema::Gateway::Server {
 public:
  Gateway(Site& site, std::function<void()> on_proven)
      : site_(site), on_proven_(std::move(on_proven)) {}

  Promise<void> hello(HelloContext context) override {
    nonce_ = random_bytes(nonce_bytes);
    auto results = context.getResults();
    results.setProtocol(schema::PROTOCOL_VERSION);
    results.setVersion(TROUPE_VERSION);
    results.setNonce(data_of(nonce_));
    return READY_NOW;
  }

  Promise<void> authenticate(AuthenticateContext context) override {
    const auto params = context.getParams();
    const std::string client_id = str(params.getClientId());
    // One nonce, one attempt.
    const std::string nonce = std::exchange(nonce_, {});
    if (nonce.empty()) throw_error({Errc::unauthenticated, "ask hello for a nonce first"});
    const auto credentials = find_credentials(site_, client_id);
    // An unknown client costs the same time as a wrong token, and gets the same answer.
    const std::string key = credentials ? credentials->access_token : nonce;
    const Sha256 expected = hmac_sha256(key, "troupe rpc 1\n" + nonce + "\n" + client_id);
    const auto mac = params.getMac();
    const bool proven = constant_time_equal(expected, {mac.begin(), mac.size()});
    if (!credentials || !proven) {
      log_event(LogLevel::warning, "authentication_failed", {{"client", client_id}});
      throw_error(
          {Errc::unauthenticated,
           "client \"" + client_id + "\" is unknown, expired, or its access token is wrong"});
    }
    on_proven_();
    context.getResults().setSession(kj::heap<Session>(site_, credentials->caller));
    return READY_NOW;
  }

 private:
  Site& site_;
  const std::function<void()> on_proven_;
  std::string nonce_;
};

}  // namespace

schema::Gateway::Client make_gateway(Site& site, std::function<void()> on_proven) {
  return kj::heap<Gateway>(site, std::move(on_proven));
}

}  // namespace troupe::server
