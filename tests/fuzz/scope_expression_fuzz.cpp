// Any bytes as a template of a scope expression: what is read prints as what reads the same, and
// filling it in gives an expression or an error.
#include "runtime/base/assert.h"
#include "runtime/scopes/scope_expression.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe {
namespace {

// Each parameter once as what the template takes it for, and once as something else.
void render_both(const ScopeTemplate& scope_template) {
  ScopeParameters fitting;
  ScopeParameters other;
  for (const ScopeTemplate::Parameter& parameter : scope_template.parameters()) {
    switch (parameter.use) {
      case ScopeTemplate::Use::text:
        fitting.text(parameter.name, "te<x>t*");
        other.boolean(parameter.name, true);
        break;
      case ScopeTemplate::Use::list:
        fitting.list(parameter.name, {"one", "", "three*"});
        other.text(parameter.name, "");
        break;
      case ScopeTemplate::Use::boolean:
        fitting.boolean(parameter.name, parameter.name.size() % 2 == 0);
        other.list(parameter.name, {});
        break;
    }
  }
  const auto rendered = scope_template.render(fitting);
  TROUPE_INVARIANT(rendered.ok());
  const auto mistaken = scope_template.render(other);
  TROUPE_INVARIANT(mistaken.ok() || mistaken.error().code == Errc::internal);
  if (!rendered.value()) return;

  const ScopeExpression& expression = *rendered.value();
  const ScopeSet held = ScopeSet::of({"a", "b*", "one", "te*"});
  TROUPE_INVARIANT(expression.satisfied_by(held) == !expression.missing(held).has_value());
  TROUPE_INVARIANT(expression.satisfied_by(held) == expression.satisfying(held).has_value());
  static_cast<void>(expression.text());
}

void parse_print_parse(std::string_view text) {
  const auto first = ScopeTemplate::parse(text);
  if (!first.ok()) {
    TROUPE_INVARIANT(first.error().code == Errc::invalid);
    return;
  }
  const std::string printed = first.value().text();
  // JSON loses white space and escapes, so it is never longer: its limit holds again.
  const auto second = ScopeTemplate::parse(printed);
  TROUPE_INVARIANT(second.ok());
  TROUPE_INVARIANT(second.value() == first.value());
  TROUPE_INVARIANT(second.value().json() == first.value().json());
  TROUPE_INVARIANT(second.value().parameters().size() == first.value().parameters().size());
  render_both(first.value());
}

}  // namespace
}  // namespace troupe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troupe::parse_print_parse({reinterpret_cast<const char*>(data), size});
  return 0;
}
