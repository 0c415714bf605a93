#include "runtime/scopes/scope_expression.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>

namespace troupe {
namespace {

using Kind = ScopeExpression::Kind;

bool is_satisfied(const ScopeExpression& expression, const ScopeSet& held) {
  const auto satisfied = [&held](const ScopeExpression& part) { return is_satisfied(part, held); };
  const auto& parts = expression.parts;
  switch (expression.kind) {
    case Kind::scope: return held.satisfies(expression.scope);
    case Kind::all_of: return std::all_of(parts.begin(), parts.end(), satisfied);
    case Kind::any_of: return std::any_of(parts.begin(), parts.end(), satisfied);
  }
  return false;
}

/// Appends what is satisfied, and takes it back if `expression` as a whole is not.
bool collect_satisfied(const ScopeExpression& expression,
                       const ScopeSet& held,
                       std::vector<std::string_view>& used) {
  if (expression.kind == Kind::scope) {
    if (!held.satisfies(expression.scope)) return false;
    used.push_back(expression.scope);
    return true;
  }
  const std::size_t before = used.size();
  std::size_t satisfied = 0;
  for (const ScopeExpression& part : expression.parts) {
    if (collect_satisfied(part, held, used)) ++satisfied;
  }
  const bool whole =
      expression.kind == Kind::all_of ? satisfied == expression.parts.size() : satisfied > 0;
  if (!whole) used.resize(before);
  return whole;
}

using PrettyWriter = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void write(PrettyWriter& json, const ScopeExpression& expression) {
  if (expression.kind == Kind::scope) {
    json.String(expression.scope.data(), static_cast<rapidjson::SizeType>(expression.scope.size()));
    return;
  }
  json.StartObject();
  json.Key(expression.kind == Kind::all_of ? "AllOf" : "AnyOf");
  json.StartArray();
  for (const ScopeExpression& part : expression.parts) write(json, part);
  json.EndArray();
  json.EndObject();
}

}  // namespace

ScopeExpression ScopeExpression::one(std::string scope) {
  return {Kind::scope, std::move(scope), {}};
}

ScopeExpression ScopeExpression::all_of(std::vector<ScopeExpression> parts) {
  return {Kind::all_of, {}, std::move(parts)};
}

ScopeExpression ScopeExpression::any_of(std::vector<ScopeExpression> parts) {
  return {Kind::any_of, {}, std::move(parts)};
}

bool ScopeExpression::satisfied_by(const ScopeSet& held) const {
  return is_satisfied(*this, held);
}

std::optional<ScopeExpression> ScopeExpression::missing(const ScopeSet& held) const {
  if (kind == Kind::scope) {
    if (held.satisfies(scope)) return std::nullopt;
    return *this;
  }
  std::vector<ScopeExpression> left;
  for (const ScopeExpression& part : parts) {
    std::optional<ScopeExpression> rest = part.missing(held);
    if (rest) left.push_back(std::move(*rest));
    if (!rest && kind == Kind::any_of) return std::nullopt;
  }
  if (left.empty() && kind == Kind::all_of) return std::nullopt;
  if (left.size() == 1) {
    ScopeExpression only = std::move(left.front());
    return only;
  }
  return ScopeExpression{kind, {}, std::move(left)};
}

std::optional<ScopeSet> ScopeExpression::satisfying(const ScopeSet& held) const {
  std::vector<std::string_view> used;
  if (!collect_satisfied(*this, held, used)) return std::nullopt;
  return ScopeSet::of_views(std::move(used));
}

std::string ScopeExpression::text() const {
  if (kind == Kind::scope) return scope;
  rapidjson::StringBuffer buffer;
  PrettyWriter json(buffer);
  json.SetIndent(' ', 2);
  write(json, *this);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace troupe
