// Feeds paths of any bytes to a route table. What is found has to agree with a plain reading of the
// rules: one route after the other, each with its own walk over the path.
#include "runtime/http/router.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using troupe::http::Match;

struct Pattern {
  std::string_view method;
  std::string_view text;
};

constexpr Pattern patterns[] = {
    {"GET", "/"},
    {"GET", "/ping"},
    {"GET", "/task/<id>"},
    {"PUT", "/task/<id>"},
    {"GET", "/task/<id>/runs/<run>/artifacts/<name...>"},
    {"GET", "/task/<id>/status"},
    {"GET", "/task/list"},
    {"GET", "/clients/"},
    {"GET", "/secret/<name...>"},
    {"POST", "/namespaces/<namespace?>"},
    {"GET", "/a/<x>/b"},
    {"GET", "/a/c/<y...>"},
    {"GET", "/<any>/<other>/z"},
    {"GET", "/queues/<queue..>/counts"},
    {"GET", "/queues/<queue>"},
};

const troupe::http::RouteTable& table() {
  static const troupe::http::RouteTable routes = [] {
    troupe::http::RouteTable out;
    for (const auto& pattern : patterns) {
      out.add(std::string(pattern.method), pattern.text,
              [](const troupe::http::Request&) -> kj::Promise<troupe::http::Response> {
                return troupe::http::Response{};
              });
    }
    return out;
  }();
  return routes;
}

/// The first segment and what follows its slash, which is cut off `rest`.
std::string_view take_segment(std::optional<std::string_view>& rest) {
  const auto slash = rest->find('/');
  const auto segment = rest->substr(0, slash);
  if (slash == std::string_view::npos) {
    rest.reset();
  } else {
    rest = rest->substr(slash + 1);
  }
  return segment;
}

using Left = std::optional<std::string_view>;

bool rest_fits(Left left, Left rest, std::vector<std::string>& taken);

/// The same where a parameter takes any number of segments, but not nothing.
bool several_fit(const Left& left, std::string_view rest, std::vector<std::string>& taken) {
  for (std::size_t end = 1; end <= rest.size(); ++end) {
    if (end < rest.size() && rest[end] != '/') continue;
    auto more = taken;
    more.emplace_back(rest.substr(0, end));
    const Left behind = end < rest.size() ? Left(rest.substr(end + 1)) : std::nullopt;
    if (!rest_fits(left, behind, more)) continue;
    taken = std::move(more);
    return true;
  }
  return false;
}

/// Whether what is left of a path fits what is left of a pattern.
bool rest_fits(Left left, Left rest, std::vector<std::string>& taken) {
  while (left) {
    const auto part = take_segment(left);
    if (part.ends_with("...>")) {
      if (rest) taken.emplace_back(*rest);
      return rest.has_value();
    }
    if (part.ends_with("..>")) return rest && several_fit(left, *rest, taken);
    if (part.ends_with("?>") && (!rest || rest->empty())) return true;
    if (!rest || rest->empty()) return false;
    const auto segment = take_segment(rest);
    if (!part.starts_with('<')) {
      if (segment != part) return false;
      continue;
    }
    if (segment.empty()) return false;
    taken.emplace_back(segment);
  }
  return !rest || rest->empty();
}

/// Whether `path` fits; the texts that its parameters take.
bool fits(std::string_view pattern, std::string_view path, std::vector<std::string>& taken) {
  if (!path.starts_with('/')) return false;
  if (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
  Left left = pattern.substr(1);
  if (left->empty()) left.reset();
  return rest_fits(left, path.substr(1), taken);
}

/// Ends the process where the table and the plain reading disagree.
void compare(std::string_view method, std::string_view path) {
  const auto found = table().match(method, path);
  for (std::size_t i = 0; i < std::size(patterns); ++i) {
    std::vector<std::string> taken;
    if (patterns[i].method != method || !fits(patterns[i].text, path, taken)) continue;
    bool decodes = true;
    for (auto& value : taken) {
      const auto decoded = troupe::http::percent_decode(value);
      decodes = decodes && decoded;
      if (decoded) value = *decoded;
    }
    if (!decodes) {
      if (found.outcome != Match::Outcome::bad_encoding) std::abort();
      return;
    }
    if (!found || found.route != i || found.parameters.size() != taken.size()) std::abort();
    std::size_t at = 0;
    for (const auto& [name, value] : found.parameters) {
      if (name.empty() || value != taken[at++]) std::abort();
    }
    return;
  }
  if (found.outcome != Match::Outcome::no_route) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view path{reinterpret_cast<const char*>(data), size};
  for (const std::string_view method : {"GET", "PUT", "POST", "DELETE"}) compare(method, path);
  table().methods_of(path);
  return 0;
}
