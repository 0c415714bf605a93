#include "runtime/http/router.h"

#include "runtime/base/assert.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace troupe::http {

namespace {

constexpr RouteId none = std::numeric_limits<RouteId>::max();

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
  }
  return out;
}

}  // namespace

struct RouteTable::Segment {
  enum class Kind : unsigned char { literal, parameter, several, optional, rest };
  Kind kind = Kind::literal;
  std::string text;  // the literal, or the parameter's name
  bool operator==(const Segment&) const = default;
};

struct RouteTable::Route {
  std::string method;
  std::vector<Segment> segments;
  std::vector<std::string> parameters;  // names, in order
  Handler handler;
  Refuser refuser;
  StreamHandler stream_handler;  // the one or the other
};

/// All routes that begin with the same segments.
struct RouteTable::Node {
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  // sorted
  std::unique_ptr<Node> parameter;
  std::unique_ptr<Node> several;  // behind segments that are one parameter
  std::vector<RouteId> ends;      // routes that end here
  std::vector<RouteId> rests;     // routes that take all that follows
  RouteId first = none;           // of all from here on: who has a better one need not look
};

/// One way down the tree after the other, and the best of them so far.
struct RouteTable::Walk {
  std::string_view method;
  std::vector<RouteId>* all = nullptr;  // collects every route that fits, whatever its method
  RouteId best = none;
  std::array<std::string_view, parameters_max> taken{};  // by the way that is being looked at
  std::size_t taken_count = 0;
  std::array<std::string_view, parameters_max> values{};  // of the best
  std::size_t values_count = 0;
};

RouteTable::RouteTable() : root_(std::make_unique<Node>()) {}
RouteTable::~RouteTable() = default;
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;

std::size_t RouteTable::size() const {
  return routes_.size();
}

RouteId RouteTable::add(std::string method,
                        std::string_view pattern,
                        Handler handler,
                        Refuser refuser) {
  TROUPE_EXPECTS(handler != nullptr);
  return insert(pattern,
                {std::move(method), {}, {}, std::move(handler), std::move(refuser), nullptr});
}

RouteId RouteTable::add_streaming(std::string method,
                                  std::string_view pattern,
                                  StreamHandler handler) {
  TROUPE_EXPECTS(handler != nullptr);
  return insert(pattern, {std::move(method), {}, {}, nullptr, nullptr, std::move(handler)});
}

RouteId RouteTable::insert(std::string_view pattern, Route route) {
  TROUPE_EXPECTS(pattern.starts_with('/'));
  const auto parts = split(pattern);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto segment = read_segment(parts[i], i + 1 == parts.size());
    if (segment.kind != Segment::Kind::literal) route.parameters.push_back(segment.text);
    route.segments.push_back(std::move(segment));
  }
  TROUPE_EXPECTS(route.parameters.size() <= parameters_max);
  for (const auto& other : routes_) {
    TROUPE_EXPECTS(other.method != route.method || other.segments != route.segments);
  }
  const RouteId id = routes_.size();
  Node* node = root_.get();
  node->first = std::min(node->first, id);
  for (const auto& segment : route.segments) {
    if (segment.kind == Segment::Kind::rest) break;
    if (segment.kind == Segment::Kind::optional) node->ends.push_back(id);
    node = &child_of(*node, segment);
    node->first = std::min(node->first, id);
  }
  const bool open = !route.segments.empty() && route.segments.back().kind == Segment::Kind::rest;
  (open ? node->rests : node->ends).push_back(id);
  routes_.push_back(std::move(route));
  return id;
}

RouteTable::Segment RouteTable::read_segment(std::string_view text, bool last) {
  TROUPE_EXPECTS(!text.empty());
  if (!text.starts_with('<')) return {Segment::Kind::literal, std::string(text)};
  TROUPE_EXPECTS(text.ends_with('>'));
  auto name = text.substr(1, text.size() - 2);
  auto kind = Segment::Kind::parameter;
  if (name.ends_with("...")) {
    TROUPE_EXPECTS(last);
    name.remove_suffix(3);
    kind = Segment::Kind::rest;
  } else if (name.ends_with("..")) {
    name.remove_suffix(2);
    kind = Segment::Kind::several;
  } else if (name.ends_with('?')) {
    TROUPE_EXPECTS(last);
    name.remove_suffix(1);
    kind = Segment::Kind::optional;
  }
  TROUPE_EXPECTS(!name.empty());
  return {kind, std::string(name)};
}

RouteTable::Node& RouteTable::child_of(Node& node, const Segment& segment) {
  if (segment.kind != Segment::Kind::literal) {
    auto& child = segment.kind == Segment::Kind::several ? node.several : node.parameter;
    if (!child) child = std::make_unique<Node>();
    return *child;
  }
  auto& literals = node.literals;
  const auto place =
      std::lower_bound(literals.begin(), literals.end(), segment.text,
                       [](const auto& a, const std::string& text) { return a.first < text; });
  if (place != literals.end() && place->first == segment.text) return *place->second;
  return *literals.emplace(place, segment.text, std::make_unique<Node>())->second;
}

void RouteTable::consider(const std::vector<RouteId>& ids,
                          std::optional<std::string_view> rest,
                          Walk& walk) const {
  for (const RouteId id : ids) {
    if (walk.all != nullptr) walk.all->push_back(id);
    if (id >= walk.best || routes_[id].method != walk.method) continue;
    walk.best = id;
    walk.values = walk.taken;
    walk.values_count = walk.taken_count;
    if (rest) walk.values.at(walk.values_count++) = *rest;
  }
}

// `rest`: what follows the slash behind the node's own segment; nothing without that slash.
void RouteTable::visit(const Node& node, std::optional<std::string_view> rest, Walk& walk) const {
  if (node.first >= walk.best) return;
  if (!rest || rest->empty()) consider(node.ends, std::nullopt, walk);
  if (!rest) return;
  consider(node.rests, rest, walk);
  if (node.several) visit_behind_several(*node.several, *rest, walk);
  const auto slash = rest->find('/');
  const auto segment = rest->substr(0, slash);
  if (segment.empty()) return;
  std::optional<std::string_view> next;
  if (slash != std::string_view::npos) next = rest->substr(slash + 1);
  const auto literal = std::lower_bound(
      node.literals.begin(), node.literals.end(), segment,
      [](const auto& a, std::string_view text) { return std::string_view(a.first) < text; });
  if (literal != node.literals.end() && literal->first == segment) {
    visit(*literal->second, next, walk);
  }
  if (node.parameter) visit_behind(*node.parameter, segment, next, walk);
}

// The parameter ends at any slash, or takes all of it.
void RouteTable::visit_behind_several(const Node& node, std::string_view rest, Walk& walk) const {
  if (rest.empty()) return;
  for (auto slash = rest.find('/', 1); slash != std::string_view::npos;
       slash = rest.find('/', slash + 1)) {
    visit_behind(node, rest.substr(0, slash), rest.substr(slash + 1), walk);
  }
  visit_behind(node, rest, std::nullopt, walk);
}

void RouteTable::visit_behind(const Node& node,
                              std::string_view taken,
                              std::optional<std::string_view> rest,
                              Walk& walk) const {
  walk.taken.at(walk.taken_count++) = taken;
  visit(node, rest, walk);
  --walk.taken_count;
}

void RouteTable::walk_path(std::string_view path, Walk& walk) const {
  if (path.starts_with('/')) visit(*root_, path.substr(1), walk);
}

Match RouteTable::match(std::string_view method, std::string_view path) const {
  Walk walk{.method = method};
  walk_path(path, walk);
  Match out;
  if (walk.best == none) return out;
  const Route& route = routes_[walk.best];
  for (std::size_t i = 0; i < walk.values_count; ++i) {
    auto value = percent_decode(walk.values.at(i));
    if (!value) {
      out.outcome = Match::Outcome::bad_encoding;
      return out;
    }
    out.parameters.add(route.parameters[i], std::move(*value));
  }
  out.outcome = Match::Outcome::found;
  out.route = walk.best;
  if (route.handler) out.handler = &route.handler;
  if (route.stream_handler) out.stream_handler = &route.stream_handler;
  if (route.refuser) out.refuser = &route.refuser;
  return out;
}

std::vector<std::string_view> RouteTable::methods_of(std::string_view path) const {
  std::vector<RouteId> ids;
  Walk walk{.method = {}, .all = &ids};
  walk_path(path, walk);
  std::sort(ids.begin(), ids.end());
  std::vector<std::string_view> out;
  for (const RouteId id : ids) {
    const std::string_view method = routes_[id].method;
    if (std::find(out.begin(), out.end(), method) != out.end()) continue;
    out.push_back(method);
    if (method == "GET") out.emplace_back("HEAD");
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto plain = text.substr(0, text.find('%'));
    out += plain;
    text.remove_prefix(plain.size());
    if (text.empty()) break;
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
