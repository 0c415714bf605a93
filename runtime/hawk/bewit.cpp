#include "runtime/hawk/bewit.h"

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/hawk/refusal.h"

#include <algorithm>
#include <array>
#include <optional>

namespace troupe::hawk {
namespace {

constexpr std::string_view name = "bewit=";

// Where the last bewit begins, at its `?` or `&`; npos if there is none.
std::size_t find_bewit(std::string_view resource) {
  if (!resource.starts_with('/')) return std::string_view::npos;
  for (auto at = resource.rfind(name); at != std::string_view::npos && at > 0;
       at = resource.rfind(name, at - 1)) {
    const char before = resource[at - 1];
    // The path has at least its first slash.
    if (at > 1 && (before == '?' || before == '&')) return at - 1;
  }
  return std::string_view::npos;
}

struct Found {
  std::string_view before;  // of the `?` or `&`
  char separator = '?';
  std::string_view text;
  std::string_view after;  // of the `&` behind it
};

Found cut_out(std::string_view resource, std::size_t at) {
  const auto value = at + 1 + name.size();
  const auto end = std::min(resource.find('&', value), resource.size());
  return {.before = resource.substr(0, at),
          .separator = resource[at],
          .text = resource.substr(value, end - value),
          .after = resource.substr(std::min(end + 1, resource.size()))};
}

bool is_get(std::string_view method) {
  constexpr auto same = [](char a, char b) { return (a | 0x20) == b; };
  constexpr std::array<std::string_view, 2> allowed = {"get", "head"};
  return std::any_of(allowed.begin(), allowed.end(), [&method, &same](std::string_view verb) {
    return std::equal(method.begin(), method.end(), verb.begin(), verb.end(), same);
  });
}

// Only the one spelling that bytes have in the URL-safe alphabet without padding: with another,
// two URLs would differ and prove the same.
std::optional<std::string> decode(std::string_view text) {
  auto decoded = from_base64(text);
  if (decoded && to_base64url(as_bytes(*decoded)) != text) return std::nullopt;
  return decoded;
}

}  // namespace

bool has_bewit(std::string_view resource) {
  return find_bewit(resource) != std::string_view::npos;
}

bool has_two_schemes(std::string_view resource, std::string_view authorization) {
  if (authorization.empty()) return false;
  const auto at = find_bewit(resource);
  return at != std::string_view::npos && !cut_out(resource, at).text.empty();
}

Result<Bewit> parse_bewit(std::string_view method, std::string_view resource) {
  if (resource.size() > bewit_resource_bytes_max) {
    return malformed("Resource path exceeds max length");
  }
  const auto at = find_bewit(resource);
  TROUPE_EXPECTS(at != std::string_view::npos);
  const Found found = cut_out(resource, at);
  if (found.text.empty()) return unproven("Empty bewit");
  if (!is_get(method)) return unproven("Invalid method");
  const auto decoded = decode(found.text);
  if (!decoded) return malformed("Invalid bewit encoding");

  Bewit bewit;
  const std::array<std::string*, 4> parts = {&bewit.id, &bewit.expires, &bewit.mac, &bewit.ext};
  if (std::count(decoded->begin(), decoded->end(), '\\') != parts.size() - 1) {
    return malformed("Invalid bewit structure");
  }
  std::string_view rest = *decoded;
  for (std::string* part : parts) {
    const auto end = std::min(rest.find('\\'), rest.size());
    *part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (bewit.id.empty() || bewit.expires.empty() || bewit.mac.empty()) {
    return malformed("Missing bewit attributes");
  }
  bewit.resource = found.before;
  if (!found.after.empty()) {
    bewit.resource += found.separator;
    bewit.resource += found.after;
  }
  return bewit;
}

}  // namespace troupe::hawk
