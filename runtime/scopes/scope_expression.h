// What a method requires of its caller: scopes, joined by all-of and any-of. A method declares a
// template; each call fills in its parameters, which gives an expression over plain scopes.
// Source: spec/api-framework.md, "Scope-expression templates".
#pragma once

#include "runtime/base/result.h"
#include "runtime/scopes/scope_set.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

/// Requirements on a caller's scopes. A plain value.
struct ScopeExpression {
  enum class Kind : std::uint8_t { scope, all_of, any_of };

  Kind kind = Kind::scope;
  std::string scope;                   // kind scope
  std::vector<ScopeExpression> parts;  // the others; `all_of` nothing is satisfied, `any_of` not

  static ScopeExpression one(std::string scope);
  static ScopeExpression all_of(std::vector<ScopeExpression> parts);
  static ScopeExpression any_of(std::vector<ScopeExpression> parts);

  bool satisfied_by(const ScopeSet& held) const;

  /// What is left when the satisfied parts are removed; nothing if it is satisfied. An `all_of` or
  /// `any_of` with one part left becomes that part; an `any_of` with a satisfied part drops out.
  std::optional<ScopeExpression> missing(const ScopeSet& held) const;

  /// The scopes that were required and satisfied, of all satisfied branches of an `any_of`; nothing
  /// if the expression is not satisfied.
  std::optional<ScopeSet> satisfying(const ScopeSet& held) const;

  /// For people: one scope as it is, anything else as JSON with two spaces of indentation.
  std::string text() const;

  bool operator==(const ScopeExpression&) const = default;
};

/// What a template is filled with. A later value of the same name replaces the earlier one.
class ScopeParameters {
 public:
  using List = std::vector<std::string>;
  using Value = std::variant<std::string, List, bool>;

  ScopeParameters& text(std::string_view name, std::string value);
  /// A text of decimal digits.
  ScopeParameters& number(std::string_view name, std::int64_t value);
  ScopeParameters& list(std::string_view name, List value);
  ScopeParameters& boolean(std::string_view name, bool value);

  /// Null if there is none of this name. Valid until the next change.
  const Value* find(std::string_view name) const;

 private:
  ScopeParameters& set(std::string_view name, Value value);

  std::vector<std::pair<std::string, Value>> values_;  // few: looked through
};

struct ParsedScopeTemplate;

/// A requirement with places for parameters. Immutable, copies share its memory. Thread: any.
class ScopeTemplate {
 public:
  enum class Use : std::uint8_t { text, list, boolean };
  struct Parameter {
    std::string name;
    Use use = Use::text;

    bool operator==(const Parameter&) const = default;
  };

  /// Reads a template. What begins with `{` is JSON, anything else one scope:
  ///
  ///   T = "a scope with <parameter>" | {"AllOf": [T...]} | {"AnyOf": [T...]}
  ///     | {"if": B, "then": T} | {"if": B, "then": T, "else": T}
  ///     | {"for": V, "in": L, "each": "a scope with <V>"}   only in a list, where it expands
  ///
  /// Scopes are printable ASCII, and `<` begins a parameter.
  /// Fails with `invalid`, saying where, if it is something else, is over a limit, or uses one
  /// parameter in two ways.
  static Result<ScopeTemplate> parse(std::string_view text);

  /// What it takes, each once.
  const std::vector<Parameter>& parameters() const;

  /// Fills in parameters; nothing if a condition leaves nothing, which makes the call public.
  /// Fails with `internal` if a parameter that it meets is missing or of another type: the method
  /// and its template disagree. Parameters that it does not know are ignored.
  Result<std::optional<ScopeExpression>> render(const ScopeParameters& parameters) const;

  /// Compact JSON, a text for one scope: as references publish it.
  std::string json() const;
  /// What `parse` takes: one scope as it is, anything else as `json`.
  std::string text() const;

  bool operator==(const ScopeTemplate& other) const { return text() == other.text(); }

 private:
  explicit ScopeTemplate(std::shared_ptr<const ParsedScopeTemplate> parsed);

  std::shared_ptr<const ParsedScopeTemplate> parsed_;
};

// Limits of a template.
constexpr std::size_t scope_template_bytes_max = 16U << 10U;
constexpr std::size_t scope_template_depth_max = 16;  // objects inside each other

}  // namespace troupe
