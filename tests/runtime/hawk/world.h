// A realm of clients and roles, expanded by the rules as they are written down, not as they are
// made fast elsewhere.
#pragma once

#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/realm.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::hawk {

struct Role {
  std::string role_id;
  std::vector<std::string> scopes;
};

/// Source: spec/auth.md, "Scope expansion", step by step.
ScopeSet expand_by_the_book(const std::vector<Role>& roles, std::vector<std::string> scopes);

struct ClientSpec {
  std::string client_id;
  std::string access_token;
  std::vector<std::string> scopes;
  Instant expires;
  bool disabled = false;
};

class World final : public Realm {
 public:
  World(const std::vector<ClientSpec>& clients, std::vector<Role> roles);

  std::shared_ptr<const Client> find(std::string_view client_id) const override;
  HeldScopes expand(std::vector<std::string> scopes) const override;

 private:
  const std::vector<Role> roles_;
  std::map<std::string, std::shared_ptr<const Client>, std::less<>> clients_;
};

/// The message of a failure; empty if it is none.
std::string message_of(const Outcome& outcome);

}  // namespace troupe::hawk
