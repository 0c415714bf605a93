#include "runtime/http/router.h"

#include "runtime/base/assert.h"

#include <charconv>
#include <utility>

namespace troupe::http {

namespace {

/// The parts between slashes; a path of `/` alone has none.
std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) out.emplace_back();  // of two slashes at the end one is left
  }
  return out;
}

/// From the start of `part` to the end of the path it is a view of.
std::string_view to_end(std::string_view part, std::string_view last) {
  return {part.data(), static_cast<std::size_t>(last.data() + last.size() - part.data())};
}

}  // namespace

void RouteTable::add(std::string method, std::string_view pattern, Handler handler) {
  TROUPE_EXPECTS(pattern.starts_with('/'));
  TROUPE_EXPECTS(handler != nullptr);
  Route route{std::move(method), {}, std::move(handler)};
  const auto parts = split(pattern);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    route.segments.push_back(read_segment(parts[i], i + 1 == parts.size()));
  }
  for (const auto& other : routes_) {
    TROUPE_EXPECTS(other.method != route.method || other.segments != route.segments);
  }
  routes_.push_back(std::move(route));
}

RouteTable::Segment RouteTable::read_segment(std::string_view text, bool last) {
  if (!text.starts_with('<')) return {Segment::Kind::literal, std::string(text)};
  TROUPE_EXPECTS(text.ends_with('>'));
  auto name = text.substr(1, text.size() - 2);
  auto kind = Segment::Kind::parameter;
  if (name.ends_with("...")) {
    TROUPE_EXPECTS(last);
    name.remove_suffix(3);
    kind = Segment::Kind::rest;
  }
  TROUPE_EXPECTS(!name.empty());
  return {kind, std::string(name)};
}

std::optional<RouteTable::Match> RouteTable::match(std::string_view method,
                                                   std::string_view path) const {
  if (!path.starts_with('/')) return std::nullopt;
  const auto parts = split(path);
  for (const auto& route : routes_) {
    if (route.method != method) continue;
    auto parameters = fit(route, parts);
    if (parameters) return Match{&route.handler, std::move(*parameters)};
  }
  return std::nullopt;
}

std::optional<std::map<std::string, std::string>> RouteTable::fit(
    const Route& route, const std::vector<std::string_view>& parts) {
  const auto& segments = route.segments;
  const bool open = !segments.empty() && segments.back().kind == Segment::Kind::rest;
  if (parts.size() < segments.size()) return std::nullopt;
  if (!open && parts.size() > segments.size()) return std::nullopt;
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto& segment = segments[i];
    if (segment.kind == Segment::Kind::literal) {
      if (parts[i] != segment.text) return std::nullopt;
      continue;
    }
    const bool rest = segment.kind == Segment::Kind::rest;
    auto value = percent_decode(rest ? to_end(parts[i], parts.back()) : parts[i]);
    if (!value || value->empty()) return std::nullopt;
    out.emplace(segment.text, std::move(*value));
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (text[0] != '%') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    if (text.size() < 3) return std::nullopt;
    const char* const end = text.data() + 3;
    const auto parsed = std::from_chars(text.data() + 1, end, value, 16);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    out += static_cast<char>(value);
    text.remove_prefix(3);
  }
  return out;
}

}  // namespace troupe::http
