// Who there is: the clients whose requests are authenticated, and what their scopes expand to.
#pragma once

#include "runtime/base/secret.h"
#include "runtime/base/time.h"
#include "runtime/scopes/scope_set.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::hawk {

/// What everybody holds, authenticated or not.
inline constexpr std::string_view anonymous_scope = "assume:anonymous";

/// Scopes that a caller holds. Copies share their memory.
struct HeldScopes {
  ScopeSet set;
  // For realms that list their scopes in an order of their own; null: in scope order.
  std::shared_ptr<const std::vector<std::string>> listed = nullptr;

  std::vector<std::string> list() const { return listed ? *listed : set.list(); }
};

/// A client as the realm knows it; immutable, as requests share it.
struct Client {
  Secret access_token;
  ScopeSet scopes;            // expanded, without `anonymous_scope`
  HeldScopes with_anonymous;  // expanded, with it: what a request without restrictions has
  Instant expires;
  bool disabled = false;
};

/// Thread: any, if the realm's author does not say otherwise.
class Realm {
 public:
  virtual ~Realm() = default;

  /// Null: unknown. Called once for each request with credentials, with the client that issued
  /// them.
  virtual std::shared_ptr<const Client> find(std::string_view client_id) const = 0;

  /// What `scopes`, which contain `anonymous_scope`, expand to. Called for requests with
  /// restrictions and for those without credentials, so it pays to remember the last results.
  virtual HeldScopes expand(std::vector<std::string> scopes) const = 0;
};

/// `scopes` and `anonymous_scope`, which is put where a merge of two lists in scope order puts it:
/// before the first that comes after it, or nowhere if one before covers it. The order of the rest
/// stays; what a star scope before that place covers right behind it is dropped.
std::vector<std::string> with_anonymous(std::vector<std::string> scopes);

/// One client, whose scopes are what they are: there are no roles, and lists keep their order.
/// For tests of clients' libraries.
class LoneClientRealm final : public Realm {
 public:
  LoneClientRealm(std::string client_id,
                  const Secret& access_token,
                  const std::vector<std::string>& scopes);

  std::shared_ptr<const Client> find(std::string_view client_id) const override;
  HeldScopes expand(std::vector<std::string> scopes) const override;

 private:
  const std::string client_id_;
  const std::shared_ptr<const Client> client_;
};

}  // namespace troupe::hawk
