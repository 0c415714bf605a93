#include "runtime/scopes/scope_template.h"

#include "runtime/base/json_writer.h"

namespace troupe {
namespace {

using Kind = ScopeTemplateNode::Kind;
using Use = ScopeTemplate::Use;

std::string pattern_text(const ScopePattern& pattern) {
  std::string text;
  for (const ScopePattern::Piece& piece : pattern.pieces) {
    text += piece.before;
    if (!piece.parameter.empty()) text += "<" + piece.parameter + ">";
  }
  return text;
}

void write_list(JsonWriter& json, const char* key, const std::vector<ScopeTemplateNode>& parts);

void write(JsonWriter& json, const ScopeTemplateNode& node) {
  switch (node.kind) {
    case Kind::scope: json.string(pattern_text(node.pattern)); return;
    case Kind::all_of: write_list(json, "AllOf", node.parts); return;
    case Kind::any_of: write_list(json, "AnyOf", node.parts); return;
    case Kind::for_each:
      json.begin_object().key("for").string(node.variable).key("in").string(node.parameter);
      json.key("each").string(pattern_text(node.pattern)).end_object();
      return;
    case Kind::condition:
      json.begin_object().key("if").string(node.parameter).key("then");
      write(json, node.parts[0]);
      if (node.parts.size() > 1) {
        json.key("else");
        write(json, node.parts[1]);
      }
      json.end_object();
      return;
  }
}

void write_list(JsonWriter& json, const char* key, const std::vector<ScopeTemplateNode>& parts) {
  json.begin_object().key(key).begin_array();
  for (const ScopeTemplateNode& part : parts) write(json, part);
  json.end_array().end_object();
}

// Fills one template in. The functions return false once a parameter was not as it should be.
class Renderer {
 public:
  explicit Renderer(const ScopeParameters& parameters) : parameters_(parameters) {}

  Result<std::optional<ScopeExpression>> render(const ScopeTemplateNode& root) {
    std::vector<ScopeExpression> rendered;  // a root that is no `for` gives one, or none
    if (!render(root, rendered)) return Error{Errc::internal, std::move(fault_)};
    if (rendered.empty()) return std::optional<ScopeExpression>();
    return std::optional<ScopeExpression>(std::move(rendered.front()));
  }

 private:
  bool render(const ScopeTemplateNode& node, std::vector<ScopeExpression>& into) {
    switch (node.kind) {
      case Kind::scope: return append(node.pattern, {}, {}, into);
      case Kind::all_of: return render_list(node, ScopeExpression::Kind::all_of, into);
      case Kind::any_of: return render_list(node, ScopeExpression::Kind::any_of, into);
      case Kind::for_each: return render_each(node, into);
      case Kind::condition: return render_condition(node, into);
    }
    return true;
  }

  bool render_list(const ScopeTemplateNode& node,
                   ScopeExpression::Kind kind,
                   std::vector<ScopeExpression>& into) {
    std::vector<ScopeExpression> parts;
    parts.reserve(node.parts.size());
    for (const ScopeTemplateNode& part : node.parts) {
      if (!render(part, parts)) return false;
    }
    into.push_back({kind, {}, std::move(parts)});
    return true;
  }

  bool render_each(const ScopeTemplateNode& node, std::vector<ScopeExpression>& into) {
    const auto* items = find<ScopeParameters::List>(node.parameter, Use::list);
    if (items == nullptr) return false;
    into.reserve(into.size() + items->size());
    for (const std::string& item : *items) {
      if (!append(node.pattern, node.variable, item, into)) return false;
    }
    return true;
  }

  bool render_condition(const ScopeTemplateNode& node, std::vector<ScopeExpression>& into) {
    const bool* holds = find<bool>(node.parameter, Use::boolean);
    if (holds == nullptr) return false;
    if (*holds) return render(node.parts[0], into);
    return node.parts.size() < 2 || render(node.parts[1], into);
  }

  /// Appends the scope in which `variable` stands for `item`.
  bool append(const ScopePattern& pattern,
              std::string_view variable,
              std::string_view item,
              std::vector<ScopeExpression>& into) {
    std::string scope;
    for (const ScopePattern::Piece& piece : pattern.pieces) {
      scope += piece.before;
      if (piece.parameter.empty()) continue;
      if (piece.parameter == variable) {
        scope += item;
        continue;
      }
      const auto* value = find<std::string>(piece.parameter, Use::text);
      if (value == nullptr) return false;
      scope += *value;
    }
    into.push_back(ScopeExpression::one(std::move(scope)));
    return true;
  }

  template <class T>
  const T* find(std::string_view name, Use use) {
    const ScopeParameters::Value* value = parameters_.find(name);
    const T* typed = value == nullptr ? nullptr : std::get_if<T>(value);
    if (typed == nullptr) {
      fault_ = "the scope expression needs the parameter `" + std::string(name) + "`, " +
               std::string(describe(use)) + "; " +
               (value == nullptr ? "it was not given" : "it was given as something else");
    }
    return typed;
  }

  const ScopeParameters& parameters_;
  std::string fault_;
};

}  // namespace

std::string_view describe(ScopeTemplate::Use use) {
  switch (use) {
    case Use::text: return "a text";
    case Use::list: return "a list of texts";
    case Use::boolean: return "a boolean";
  }
  return "something unknown";
}

ScopeParameters& ScopeParameters::set(std::string_view name, Value value) {
  for (auto& [known, old] : values_) {
    if (known != name) continue;
    old = std::move(value);
    return *this;
  }
  values_.emplace_back(name, std::move(value));
  return *this;
}

ScopeParameters& ScopeParameters::text(std::string_view name, std::string value) {
  return set(name, std::move(value));
}

ScopeParameters& ScopeParameters::number(std::string_view name, std::int64_t value) {
  return set(name, std::to_string(value));
}

ScopeParameters& ScopeParameters::list(std::string_view name, List value) {
  return set(name, std::move(value));
}

ScopeParameters& ScopeParameters::boolean(std::string_view name, bool value) {
  return set(name, value);
}

const ScopeParameters::Value* ScopeParameters::find(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return &value;
  }
  return nullptr;
}

ScopeTemplate::ScopeTemplate(std::shared_ptr<const ParsedScopeTemplate> parsed)
    : parsed_(std::move(parsed)) {}

Result<ScopeTemplate> ScopeTemplate::parse(std::string_view text) {
  Result<ParsedScopeTemplate> parsed = parse_scope_template(text);
  if (!parsed) return parsed.error();
  return ScopeTemplate(std::make_shared<ParsedScopeTemplate>(std::move(parsed).value()));
}

const std::vector<ScopeTemplate::Parameter>& ScopeTemplate::parameters() const {
  return parsed_->parameters;
}

Result<std::optional<ScopeExpression>> ScopeTemplate::render(
    const ScopeParameters& parameters) const {
  return Renderer(parameters).render(parsed_->root);
}

std::string ScopeTemplate::json() const {
  JsonWriter json;
  write(json, parsed_->root);
  return json.take();
}

std::string ScopeTemplate::text() const {
  const ScopeTemplateNode& root = parsed_->root;
  return root.kind == Kind::scope ? pattern_text(root.pattern) : json();
}

}  // namespace troupe
