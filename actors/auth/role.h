// A role: scopes for whoever holds `assume:ROLE-ID`. A role id that ends with `*` makes a prefix
// role: it is there for all ids that begin with what is before the star, and what follows that is
// the parameter, which takes the place of `<..>` in the role's scopes. Source: spec/auth.md.
#pragma once

#include "runtime/base/result.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

struct Role {
  std::string role_id;
  std::vector<std::string> scopes;

  bool operator==(const Role&) const = default;
};

/// A role as expansion reads it: its scopes in one text, the places of `<..>` found.
class CompiledRole {
 public:
  struct Grant {
    static constexpr std::uint32_t no_parameter = std::numeric_limits<std::uint32_t>::max();

    std::string_view scope;
    std::uint32_t parameter_at = no_parameter;  // offset of `<..>`; literal ones do not count

    bool has_parameter() const { return parameter_at != no_parameter; }
    std::string_view before() const { return scope.substr(0, parameter_at); }
    std::string_view after() const;
  };

  explicit CompiledRole(const Role& role);

  const std::string& id() const { return id_; }
  bool is_prefix_role() const { return id_.ends_with('*'); }
  std::size_t size() const { return grants_.size(); }
  Grant operator[](std::size_t index) const;
  Role role() const;
  std::size_t memory_bytes() const;

 private:
  struct Place {
    std::uint32_t end;  // in `text_`
    std::uint32_t parameter_at;
  };

  std::string id_;
  std::string text_;
  std::vector<Place> grants_;
};

using RolePtr = std::shared_ptr<const CompiledRole>;

/// What a scope says of roles.
struct RoleReference {
  std::string_view base;  // of role ids
  bool star = false;      // all ids that begin with `base`, not just that one

  bool operator==(const RoleReference&) const = default;
};

/// The roles that `base`, followed by a star if `star`, could be about: those with this id, or
/// prefix. Nothing for scopes that no role can match.
std::optional<RoleReference> role_reference(std::string_view base, bool star);

/// Of one scope as it is.
std::optional<RoleReference> role_reference(std::string_view scope);

/// Of all scopes that a grant can become: for `<..>` and what follows it stands a star.
std::optional<RoleReference> widest_reference(const CompiledRole::Grant& grant);

/// Fails with `invalid` if a scope of a prefix role has several `<..>`, or ends with `*<..>`.
Status check_parameters(const Role& role);

}  // namespace troupe
