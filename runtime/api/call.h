// One call of a method, whichever way it came: who calls, and whether that is allowed. This is the
// one place where authorisation happens.
#pragma once

#include "runtime/api/service.h"
#include "runtime/base/time.h"
#include "runtime/scopes/scope_set.h"

#include <capnp/capability.h>
#include <kj/async.h>
#include <kj/memory.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::api {

/// By what a caller has proven who it is. Source: spec/auth.md, "Authentication procedure".
enum class Scheme : std::uint8_t {
  none,   // nobody asked for proof
  hawk,   // a signed request
  bewit,  // a signed URL
  rpc,    // a MAC over the server's nonce, once for a session
};
const char* to_string(Scheme scheme);

/// What a caller has proven.
struct Credentials {
  std::string client_id;  // `auth-failed:no-auth` of those who gave none
  ScopeSet scopes;        // with all that roles add, and everybody's
  Instant expires;        // of the credentials
  bool anonymous = false;
  Scheme scheme = Scheme::none;
  bool is_temporary = false;  // made by their issuer for a while, and for some of its scopes
};

/// The client_id of a caller without credentials.
inline constexpr const char* anonymous_client_id = "auth-failed:no-auth";

/// Whoever calls. What `design.md` calls the authorizer: `runtime` knows only this.
class Caller {
 public:
  virtual ~Caller() noexcept(false) = default;

  /// Who it is at this moment. Throws an `unauthenticated` exception if what it gave does not
  /// hold, or holds no longer. May be asked again and again; what it answers changes then, and
  /// is there as long as the caller.
  virtual const Credentials& credentials() = 0;

  /// Some roles that would grant `scope`, for a helpful refusal.
  virtual std::vector<std::string> roles_granting(std::string_view scope) = 0;
};

/// Throws `forbidden`, in the contract's words, if the credentials do not satisfy the expression.
/// Returns the scopes that were used.
ScopeSet require_scopes(const ScopeExpression& needed, const Credentials& credentials);

/// What HTTP knows of a call and RPC does not, and what an answer has only there.
struct HttpExchange {
  std::string_view body;  // as it was sent, if it is JSON; of methods without a body, too
  std::function<kj::Promise<void>()> peer_gone = {};  // as of http::Request
  std::function<void()> begin_waiting = {};           // as of http::Request

  // Set by the method's code; they count only if the call succeeds.
  unsigned status = 0;                                       // 0: 200, or 204 without results
  std::vector<std::pair<std::string, std::string>> headers;  // more of them
  std::optional<std::string> answer;                         // JSON, in place of the results
};

/// What a method's code knows of its call beside the parameters. Lives until the call has ended.
class Call {
 public:
  Call(const Method& method, Caller& caller, HttpExchange* http = nullptr)
      : method_(method), caller_(caller), http_(http) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const Method& method() const { return method_; }
  Caller& caller() { return caller_; }

  /// As `Caller::credentials`, remembered for `known`.
  const Credentials& credentials() { return *(known_ = &caller_.credentials()); }

  /// Who it is, as far as that has been asked; null: nobody has, or what it gave does not hold.
  const Credentials* known() const { return known_; }

  /// Null unless the call came over HTTP. Lives as long as the call.
  HttpExchange* http() { return http_; }

  /// Checks what the method needs, with these values of its parameters. Throws `forbidden` in the
  /// contract's words. Only for methods that were not checked before.
  void authorize(const ScopeParameters& values);

  /// The same for an expression of another method's: of parts that this one is made of.
  void authorize(const ScopeTemplate& needs, const ScopeParameters& values);

  /// Whether somebody has checked; a method that answers unchecked is a fault.
  bool is_authorized() const { return authorized_ || method_.is_public(); }

  /// What of the caller's scopes was used, for the log.
  const ScopeSet& used() const { return used_; }

 private:
  const Method& method_;
  Caller& caller_;
  HttpExchange* http_;
  const Credentials* known_ = nullptr;
  bool authorized_ = false;
  ScopeSet used_;
};

/// Makes what serves one call: an object of the service's class. It lives as long as the call.
using Serve = std::function<kj::Own<capnp::Capability::Server>(Call&)>;

using AnyContext = capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer>;

/// Hands a call whose parameters have been checked to the service. `call` outlives the promise.
/// Rejected with `internal` where the method answers without having been authorised.
kj::Promise<void> serve_call(Call& call, const Serve& serve, AnyContext context);

}  // namespace troupe::api
