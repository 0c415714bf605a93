#include "runtime/scopes/scope_template.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <initializer_list>

namespace troupe {
namespace {

using Json = rapidjson::Value;
using Kind = ScopeTemplateNode::Kind;
using Use = ScopeTemplate::Use;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_parameter_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

std::string_view view(const Json& text) {
  return {text.GetString(), text.GetStringLength()};
}

/// Whether an object has the required keys, none but these and the optional one, and none twice.
bool has_keys(const Json& object,
              std::initializer_list<const char*> required,
              const char* optional = nullptr) {
  for (const char* key : required) {
    if (!object.HasMember(key)) return false;
  }
  const bool more = optional != nullptr && object.HasMember(optional);
  return object.MemberCount() == required.size() + (more ? 1 : 0);
}

// Reads one template. The functions return false once there is an error, which says where.
class Parser {
 public:
  Result<ParsedScopeTemplate> parse(std::string_view text) {
    if (!read_text(text)) return Error{Errc::invalid, "scope expression: " + fault_};
    return std::move(parsed_);
  }

 private:
  bool read_text(std::string_view text) {
    if (text.empty()) return fail("it is empty: a public method has none");
    if (text.size() > scope_template_bytes_max) {
      return fail("it is longer than " + std::to_string(scope_template_bytes_max) + " bytes");
    }
    if (text.front() != '{') return read_pattern(text, {}, parsed_.root.pattern);

    // Iteratively, as depth is only checked afterwards.
    rapidjson::Document json;
    json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (json.HasParseError()) {
      return fail(std::string(rapidjson::GetParseError_En(json.GetParseError())) + " (byte " +
                  std::to_string(json.GetErrorOffset()) + ")");
    }
    return read(json, false, parsed_.root);
  }

  bool read(const Json& json, bool in_list, ScopeTemplateNode& into) {
    if (json.IsString()) return read_pattern(view(json), {}, into.pattern);
    if (!json.IsObject()) return fail("neither a text nor an object");
    if (depth_ == scope_template_depth_max) {
      return fail("more than " + std::to_string(scope_template_depth_max) +
                  " objects inside each other");
    }
    ++depth_;
    const bool fine = read_object(json, in_list, into);
    --depth_;
    return fine;
  }

  bool read_object(const Json& json, bool in_list, ScopeTemplateNode& into) {
    if (has_keys(json, {"AllOf"})) return read_list(json, "AllOf", Kind::all_of, into);
    if (has_keys(json, {"AnyOf"})) return read_list(json, "AnyOf", Kind::any_of, into);
    if (has_keys(json, {"if", "then"}, "else")) return read_condition(json, in_list, into);
    if (has_keys(json, {"for", "in", "each"})) {
      if (!in_list) return fail("`for` stands only in the list of an `AllOf` or `AnyOf`");
      return read_for_each(json, into);
    }
    return fail(
        "an object has the key `AllOf` or `AnyOf`, the keys `if`, `then` and maybe `else`, "
        "or the keys `for`, `in` and `each`, and no others");
  }

  bool read_list(const Json& json, const char* key, Kind kind, ScopeTemplateNode& into) {
    const Json& list = json[key];
    if (!list.IsArray()) return fail("not a list", key);
    into.kind = kind;
    into.parts.resize(list.Size());
    for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
      const std::string item = std::string(key) + "[" + std::to_string(i) + "]";
      if (!read_below(list[i], true, item, into.parts[i])) return false;
    }
    return true;
  }

  bool read_condition(const Json& json, bool in_list, ScopeTemplateNode& into) {
    into.kind = Kind::condition;
    if (!read_name(json, "if", into.parameter)) return false;
    if (!note(into.parameter, Use::boolean)) return false;
    const bool both = json.HasMember("else");
    into.parts.resize(both ? 2 : 1);
    return read_below(json["then"], in_list, "then", into.parts[0]) &&
           (!both || read_below(json["else"], in_list, "else", into.parts[1]));
  }

  bool read_for_each(const Json& json, ScopeTemplateNode& into) {
    into.kind = Kind::for_each;
    if (!read_name(json, "for", into.variable)) return false;
    if (!read_name(json, "in", into.parameter)) return false;
    if (!note(into.parameter, Use::list)) return false;
    if (!json["each"].IsString()) return fail("not a text", "each");
    return read_pattern(view(json["each"]), into.variable, into.pattern);
  }

  bool read_below(const Json& json, bool in_list, std::string_view key, ScopeTemplateNode& into) {
    const std::size_t outside = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += key;
    if (!read(json, in_list, into)) return false;
    path_.resize(outside);
    return true;
  }

  bool read_name(const Json& json, const char* key, std::string& into) {
    const Json& name = json[key];
    if (!name.IsString() || !is_parameter_name(view(name))) {
      return fail("not a name: a letter, then letters, digits and `_`", key);
    }
    into = view(name);
    return true;
  }

  /// `variable` is bound by a `for`; empty: none is.
  bool read_pattern(std::string_view text, std::string_view variable, ScopePattern& into) {
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) return fail("a scope is printable ASCII");
    while (true) {
      const std::size_t open = text.find('<');
      if (open == text.npos) break;
      const std::size_t close = text.find('>', open);
      const std::string_view name =
          close == text.npos ? std::string_view() : text.substr(open + 1, close - open - 1);
      if (!is_parameter_name(name)) {
        return fail("in a scope, `<` begins a parameter such as `<name>`, unlike `" +
                    std::string(text.substr(open)) + "`");
      }
      if (name != variable && !note(name, Use::text)) return false;
      into.pieces.push_back({std::string(text.substr(0, open)), std::string(name)});
      text.remove_prefix(close + 1);
    }
    if (!text.empty()) into.pieces.push_back({std::string(text), {}});
    return true;
  }

  bool note(std::string_view name, Use use) {
    for (const ScopeTemplate::Parameter& parameter : parsed_.parameters) {
      if (parameter.name != name) continue;
      if (parameter.use == use) return true;
      return fail("the parameter `" + std::string(name) + "` is used as " +
                  std::string(describe(parameter.use)) + " and as " + std::string(describe(use)));
    }
    parsed_.parameters.push_back({std::string(name), use});
    return true;
  }

  bool fail(std::string why, std::string_view key = {}) {
    std::string at = path_;
    if (!at.empty() && !key.empty()) at += '.';
    at += key;
    fault_ = at.empty() ? std::move(why) : at + ": " + why;
    return false;
  }

  ParsedScopeTemplate parsed_;
  std::string path_;  // of what is being read: `AllOf[1].then`
  std::size_t depth_ = 0;
  std::string fault_;
};

}  // namespace

Result<ParsedScopeTemplate> parse_scope_template(std::string_view text) {
  return Parser().parse(text);
}

}  // namespace troupe
