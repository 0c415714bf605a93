#include "actors/auth/role.h"

#include "runtime/base/assert.h"
#include "runtime/scopes/scope.h"

namespace troupe {
namespace {

constexpr std::string_view assume = "assume:";
constexpr std::string_view parameter_mark = "<..>";

}  // namespace

std::string_view CompiledRole::Grant::after() const {
  return scope.substr(parameter_at + parameter_mark.size());
}

CompiledRole::CompiledRole(const Role& role) : id_(role.role_id) {
  std::size_t bytes = 0;
  for (const std::string& scope : role.scopes) bytes += scope.size();
  TROUPE_EXPECTS(bytes < Grant::no_parameter);

  text_.reserve(bytes);
  grants_.reserve(role.scopes.size());
  for (const std::string& scope : role.scopes) {
    const std::size_t mark = is_prefix_role() ? scope.find(parameter_mark) : scope.npos;
    text_ += scope;
    grants_.push_back(
        {static_cast<std::uint32_t>(text_.size()),
         mark == scope.npos ? Grant::no_parameter : static_cast<std::uint32_t>(mark)});
  }
}

CompiledRole::Grant CompiledRole::operator[](std::size_t index) const {
  const std::uint32_t begin = index == 0 ? 0 : grants_[index - 1].end;
  const Place& place = grants_[index];
  return {std::string_view(text_).substr(begin, place.end - begin), place.parameter_at};
}

Role CompiledRole::role() const {
  Role role{id_, {}};
  role.scopes.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) role.scopes.emplace_back((*this)[i].scope);
  return role;
}

std::size_t CompiledRole::memory_bytes() const {
  return sizeof(*this) + id_.capacity() + text_.capacity() + grants_.capacity() * sizeof(Place);
}

std::optional<RoleReference> role_reference(std::string_view base, bool star) {
  if (base.starts_with(assume)) return RoleReference{base.substr(assume.size()), star};
  if (star && assume.starts_with(base)) return RoleReference{"", true};
  return std::nullopt;
}

std::optional<RoleReference> role_reference(std::string_view scope) {
  return role_reference(scope_base(scope), is_star_scope(scope));
}

std::optional<RoleReference> widest_reference(const CompiledRole::Grant& grant) {
  if (grant.has_parameter()) return role_reference(grant.before(), true);
  return role_reference(grant.scope);
}

Status check_parameters(const Role& role) {
  if (!is_star_scope(role.role_id)) return Done{};
  for (const std::string& scope : role.scopes) {
    const std::size_t first = scope.find(parameter_mark);
    if (first == scope.npos) continue;
    if (scope.find(parameter_mark, first + parameter_mark.size()) != scope.npos) {
      return Error{Errc::invalid, "parameterized scope '" + scope + "' contains multiple '<..>'"};
    }
    if (scope.ends_with("*<..>")) {
      return Error{Errc::invalid, "parameterized scope '" + scope +
                                      "' ends with '*<..>' which implies an ambiguous kleene"};
    }
  }
  return Done{};
}

}  // namespace troupe
