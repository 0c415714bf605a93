#include "apps/troupe/cli/refusal.h"

#include "apps/troupe/cli/permissions.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <optional>

namespace troupe::cli {
namespace {

using Kind = ScopeExpression::Kind;

constexpr std::string_view client_mark = "Client ID ";
constexpr std::string_view client_end = " does not have sufficient scopes";
constexpr std::string_view block_mark = "\n```\n";
constexpr std::string_view block_end = "\n```";
constexpr std::string_view roles_mark = "Roles that grant some of what is missing: ";
constexpr std::size_t depth_max = 32;
constexpr std::size_t bytes_max = 500;  // of words that are not understood

// What stands between two marks; nothing if one of them is missing.
std::optional<std::string_view> between(std::string_view text,
                                        std::string_view mark,
                                        std::string_view end) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + mark.size());
  const auto to = text.find(end);
  if (to == std::string_view::npos) return std::nullopt;
  return text.substr(0, to);
}

std::optional<ScopeExpression> read_expression(const rapidjson::Value& value, std::size_t depth) {
  ScopeExpression read;
  if (value.IsString()) {
    read.scope = {value.GetString(), value.GetStringLength()};
    return read;
  }
  if (!value.IsObject() || value.MemberCount() != 1 || depth == depth_max) return std::nullopt;
  const auto& member = *value.MemberBegin();
  const std::string_view name(member.name.GetString(), member.name.GetStringLength());
  if ((name != "AllOf" && name != "AnyOf") || !member.value.IsArray()) return std::nullopt;
  read.kind = name == "AllOf" ? Kind::all_of : Kind::any_of;
  for (const auto& item : member.value.GetArray()) {
    auto part = read_expression(item, depth + 1);
    if (!part) return std::nullopt;
    read.parts.push_back(*std::move(part));
  }
  return read;
}

// Either a scope as it is, or an expression in JSON.
std::optional<ScopeExpression> read_block(std::string_view text) {
  ScopeExpression scope;
  scope.scope = text;
  if (!text.starts_with('{')) return scope;
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) return std::nullopt;
  return read_expression(document, 0);
}

std::string in_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n';
    if (!space) line += c;
    if (space && !line.empty() && line.back() != ' ') line += ' ';
  }
  while (line.ends_with(' ')) line.pop_back();
  if (line.size() > bytes_max) line = line.substr(0, bytes_max) + "...";
  return line;
}

}  // namespace

std::string short_refusal(std::string_view detail) {
  const auto client = between(detail, client_mark, client_end);
  const auto block = between(detail, block_mark, block_end);
  const auto missing = client && block ? read_block(*block) : std::nullopt;
  if (!missing) return in_one_line(detail);
  // What a command has put in front stays there.
  std::string text(detail.substr(0, detail.find(client_mark)));
  text += "client " + std::string(*client) + " lacks " + missing_in_words(*missing) +
          ": have the scopes given to it";
  if (const auto roles = between(detail, roles_mark, "."); roles && !roles->empty()) {
    text += "; roles that grant some of it: " + std::string(*roles);
  }
  return text;
}

}  // namespace troupe::cli
