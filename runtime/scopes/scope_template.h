// How templates of scope expressions are kept: for the files that read and fill them.
#pragma once

#include "runtime/scopes/scope_expression.h"

#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A scope with places for parameters: pieces in a row.
struct ScopePattern {
  struct Piece {
    std::string before;     // literal
    std::string parameter;  // behind it; empty: none, which only the last piece may have
  };
  std::vector<Piece> pieces;
};

struct ScopeTemplateNode {
  enum class Kind : std::uint8_t { scope, all_of, any_of, for_each, condition };

  Kind kind = Kind::scope;
  ScopePattern pattern;                  // scope; for_each: of each item
  std::vector<ScopeTemplateNode> parts;  // all_of, any_of; condition: `then`, maybe `else`
  std::string parameter;                 // for_each: the list; condition: the boolean
  std::string variable;                  // for_each: stands for an item
};

struct ParsedScopeTemplate {
  ScopeTemplateNode root;
  std::vector<ScopeTemplate::Parameter> parameters;
};

/// `a text`, `a list of texts`, `a boolean`.
std::string_view describe(ScopeTemplate::Use use);

/// Reads a template; as `ScopeTemplate::parse`, which see.
Result<ParsedScopeTemplate> parse_scope_template(std::string_view text);

}  // namespace troupe
