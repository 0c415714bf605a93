// Who calls: over RPC a client that has proven who it is, over HTTP whoever signed the request.
#pragma once

#include "apps/troupe/server/gateway.h"
#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"
#include "runtime/hawk/authenticate.h"
#include "runtime/http/message.h"

#include <memory>
#include <string>

namespace troupe::server {

/// A caller of this program's services. Borrows the site.
class Caller : public api::Caller, public std::enable_shared_from_this<Caller> {
 public:
  explicit Caller(Site& site) : site_(site) {}

  std::vector<std::string> roles_granting(std::string_view scope) override;

  /// Checks the signature of the call's own request against other clients than the platform's.
  /// Throws `invalid` where there is no signed request.
  virtual hawk::Outcome authenticate(const hawk::Realm& realm) = 0;

 protected:
  Site& site_;
};

/// Of an RPC session. The client is looked up at each call: one that is disabled, deleted or
/// expired meanwhile, or has another token, is refused.
std::shared_ptr<Caller> make_session_caller(Site& site, SessionKey key);

/// Of an HTTP request, which outlives it. Its signature is checked when somebody asks, once.
std::unique_ptr<Caller> make_request_caller(Site& site, const http::Request& request);

/// Who sent a request, for what goes on after its signature has grown old: looked up at each call
/// as that of a session, and refused once a signed URL has ended. Requires a request whose caller's
/// credentials hold, and which outlives it.
std::shared_ptr<Caller> make_standing_caller(Site& site, const http::Request& request);

}  // namespace troupe::server
