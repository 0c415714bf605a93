#include "runtime/api/parameters.h"

#include "runtime/http/router.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/faults.h"
#include "runtime/transcode/json.h"
#include "runtime/transcode/limits.h"
#include "runtime/transcode/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

namespace troupe::api {
namespace {

using transcode::FieldRules;
using transcode::Shape;

constexpr const char* digits = "^[0-9]+$";

capnp::Text::Reader as_text(const std::string& text) {
  return {text.c_str(), text.size()};
}

bool is_number(const FieldRules& rules) {
  return rules.value.shape == Shape::unsigned_integer || rules.value.shape == Shape::signed_integer;
}

// What a value has to match, as it is shown to people.
std::string expression_of(const FieldRules& rules) {
  if (is_number(rules)) return digits;
  return rules.value.pattern ? rules.value.pattern->pattern() : std::string();
}

// Sets a parameter from its text; whether it is acceptable. A number too large is the largest.
bool set_text(const FieldRules& rules,
              const std::string& value,
              capnp::DynamicStruct::Builder params) {
  if (is_number(rules)) {
    std::uint64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [stop, failure] = std::from_chars(value.data(), end, number);
    const bool all_digits = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
      return c >= '0' && c <= '9';
    });
    if (!all_digits) return false;
    if (failure == std::errc::result_out_of_range) {
      number = std::numeric_limits<std::uint64_t>::max();
    }
    const std::uint64_t most = rules.value.shape == Shape::unsigned_integer
                                   ? rules.value.unsigned_range.max
                                   : static_cast<std::uint64_t>(rules.value.signed_range.max);
    params.set(rules.field, std::min(number, most));
    return true;
  }
  transcode::Faults faults;
  transcode::check_text(rules.value, value, transcode::Path{}, faults);
  if (faults.count() > 0) return false;
  params.set(rules.field, as_text(value));
  return true;
}

const Parameter* find_parameter(const Method& method, std::string_view name, Place place) {
  for (const auto& parameter : method.parameters) {
    if (parameter.place == place && parameter.name == name) return &parameter;
  }
  return nullptr;
}

// JavaScript's way to write a regular expression, which clients have always been shown.
std::string shown(const std::string& expression) {
  return "/" + expression + "/";
}

void add_line(std::string& lines, const std::string& line) {
  if (!lines.empty()) lines += '\n';
  lines += line;
}

// `task.runs[3].name` as `/task/runs/3/name`.
std::string pointer(std::string_view path) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (out.empty() && c != '[') out += '/';
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\' && i + 1 < path.size()) {
      out += path[++i];
    } else if (!quoted && (c == '.' || c == '[')) {
      out += '/';
    } else if (c != '"' && (quoted || c != ']')) {
      out += c;
    }
  }
  return out;
}

std::string schema_faults(const std::vector<FieldError>& faults, const std::string& schema_id) {
  std::string text = "\nSchema Validation Failed!\nRejecting Schema: " + schema_id + "\nErrors:";
  for (const auto& fault : faults) {
    text += "\n  * data" + pointer(fault.path) + " " + fault.message;
  }
  return text;
}

}  // namespace

const std::string* find_text(const NamedTexts& texts, std::string_view name) {
  const auto found = std::find_if(texts.begin(), texts.end(),
                                  [name](const auto& text) { return text.first == name; });
  return found == texts.end() ? nullptr : &found->second;
}

ScopeParameters scope_values(const Method& method, capnp::DynamicStruct::Reader params) {
  ScopeParameters values;
  for (const auto& wanted : method.scopes->parameters()) {
    const auto value = params.get(method.schema.getParamType().getFieldByName(wanted.name.c_str()));
    if (value.getType() == capnp::DynamicValue::TEXT) {
      const auto text = value.as<capnp::Text>();
      values.text(wanted.name, std::string(text.begin(), text.size()));
    } else {
      values.number(wanted.name, value.as<std::int64_t>());
    }
  }
  return values;
}

ScopeParameters scope_values(const Method& method, const NamedTexts& route) {
  ScopeParameters values;
  for (const auto& wanted : method.scopes->parameters()) {
    if (const auto* value = find_text(route, wanted.name)) values.text(wanted.name, *value);
  }
  return values;
}

namespace {

// Where HTTP leaves a text of the query string out, RPC has an empty one.
bool is_left_out(const Method& method,
                 capnp::DynamicStruct::Reader params,
                 const std::string& path) {
  return std::any_of(method.parameters.begin(), method.parameters.end(), [&](const auto& one) {
    if (one.place != Place::query || one.name != path) return false;
    const auto value = params.get(one.name);
    return value.getType() == capnp::DynamicValue::TEXT &&
           value.template as<capnp::Text>().size() == 0;
  });
}

}  // namespace

void check_parameters(const Method& method, capnp::DynamicStruct::Reader params) {
  if (method.route.empty()) return;
  auto faults = validate(params);
  std::erase_if(faults, [&](const auto& f) { return is_left_out(method, params, f.path); });
  const std::string body = method.body ? method.parameters[*method.body].name : "";
  // A struct that is null reads as one of zeros, which nobody has said.
  if (!body.empty() && !params.has(body)) {
    faults.push_back({body, std::string(transcode::missing_message)});
  }
  if (faults.empty()) return;
  // A fault of the body is told as over HTTP: by its place there.
  bool of_body = !body.empty();
  for (auto& fault : faults) {
    const bool inside = !body.empty() && fault.path.starts_with(body + ".");
    of_body = of_body && (inside || fault.path == body);
    if (inside) fault.path.erase(0, body.size() + 1);
  }
  throw_error({of_body ? Errc::invalid_payload : Errc::bad_arguments, describe(faults)});
}

bool is_json_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  constexpr std::string_view wanted = "application/json";
  return std::equal(type.begin(), type.end(), wanted.begin(), wanted.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

Result<NamedTexts> read_query(std::string_view query) {
  NamedTexts out;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    std::string plain(part);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    const auto equals = plain.find('=');
    auto name = http::percent_decode(plain.substr(0, equals));
    auto value = http::percent_decode(equals == std::string::npos
                                          ? std::string_view()
                                          : std::string_view(plain).substr(equals + 1));
    if (!name || !value) {
      return Error{Errc::bad_arguments, "the query string has a malformed escape: " + plain};
    }
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

Status fill_route(const Method& method,
                  const NamedTexts& route,
                  capnp::DynamicStruct::Builder params) {
  std::string lines;
  for (const auto& parameter : method.parameters) {
    if (parameter.place != Place::route) continue;
    const auto* value = find_text(route, parameter.name);
    if (value == nullptr || set_text(*parameter.rules, *value, params)) continue;
    add_line(lines, "URL parameter '" + parameter.name + "' given as '" + *value +
                        "' must match regular expression: '" +
                        shown(expression_of(*parameter.rules)) + "'");
  }
  if (lines.empty()) return Done{};
  return Error{Errc::bad_arguments, "Invalid URL patterns:\n" + lines};
}

Status fill_query(const Method& method,
                  const NamedTexts& query,
                  capnp::DynamicStruct::Builder params) {
  std::string lines;
  for (auto at = query.begin(); at != query.end(); ++at) {
    const auto& [name, value] = *at;
    const auto same = [&name = name](const auto& other) { return other.first == name; };
    if (std::find_if(query.begin(), at, same) != at) continue;
    if (std::find_if(at + 1, query.end(), same) != query.end()) {
      add_line(lines, "Query-string parameter: " + name + " must be a string!");
      continue;
    }
    if (name == "bewit") continue;  // signs the rest: every method takes it
    const auto* parameter = find_parameter(method, name, Place::query);
    if (parameter == nullptr) {
      add_line(lines, "Query-string parameter: " + name + " is not supported!");
    } else if (!set_text(*parameter->rules, value, params)) {
      add_line(lines,
               "Query-string parameter: " + name + "=\"" + value +
                   "\" does not match expression: " + shown(expression_of(*parameter->rules)));
    }
  }
  if (lines.empty()) return Done{};
  return Error{Errc::bad_arguments, std::move(lines)};
}

Status fill_body(const Method& method,
                 std::string_view json,
                 const std::string& schema_id,
                 capnp::DynamicStruct::Builder params) {
  TROUPE_EXPECTS(method.body.has_value());
  const auto field = method.parameters[*method.body].rules->field;
  auto faults = read_json(json, params.init(field).as<capnp::DynamicStruct>());
  if (!faults.ok()) return faults.error();
  if (faults.value().empty()) return Done{};
  return Error{Errc::invalid_payload, schema_faults(faults.value(), schema_id)};
}

}  // namespace troupe::api
