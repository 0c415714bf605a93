// Which handler answers which request.
#pragma once

#include "runtime/http/message.h"
#include "runtime/http/streaming.h"

#include <kj/async.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// Answers a request, which lives until the promise settles or is dropped; its body may be taken
/// out of it. What the promise is rejected with, or the handler throws, becomes an error response
/// (see runtime/rpc/errors.h).
using Handler = std::function<kj::Promise<Response>(Request&)>;

/// Answers a request of the route that its handler does not get to see: its body cannot be taken,
/// or too much is under way. The status is the response's, and may be another than the error's own.
using Refuser = std::function<Response(const Request&, const Error&, unsigned status)>;

/// What a table knows of a request.
struct Match {
  enum class Outcome : std::uint8_t {
    found,
    no_route,      // no path fits, or it serves other methods: 404 both
    bad_encoding,  // a route fits, but a parameter's percent signs are not followed by digits: 400
  };
  Outcome outcome = Outcome::no_route;
  RouteId route = 0;                              // these five only if found
  const Handler* handler = nullptr;               // the table's own; null for a route that streams
  const StreamHandler* stream_handler = nullptr;  // of that
  const Refuser* refuser = nullptr;               // null: the route has none
  Parameters parameters;                          // their names are the table's

  explicit operator bool() const { return outcome == Outcome::found; }
};

/// Filled at start, read afterwards: from any thread once no route is added any more.
///
/// A path goes down a tree of segments, so the cost depends on the path's length, not on the number
/// of routes. Source of the rules: spec/api-framework.md, "Routing rules".
class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  /// `pattern`: `/a/<name>/b`, where `<name>` takes one segment that is not empty, and `<name..>`
  /// any number of them with the slashes between them, but not nothing. The last segment
  /// may be `<name?>`, which may be missing (`/a`, `/a/`), or `<name...>`, which takes all that
  /// follows its slash, even nothing. Of the routes that fit, the one added first wins. One slash
  /// at the end, of the pattern and of the path, makes no difference; one that `<name...>` takes
  /// does.
  ///
  /// Without a `refuser` refusals are what `error_response` makes of them.
  ///
  /// Requires: `pattern` starts with `/`, has at most `parameters_max` parameters, and no route has
  /// the same method and pattern.
  RouteId add(std::string method,
              std::string_view pattern,
              Handler handler,
              Refuser refuser = nullptr);

  /// The same for a handler that reads the body by itself.
  RouteId add_streaming(std::string method, std::string_view pattern, StreamHandler handler);

  /// `path` as sent: it is decoded after the match, so `%2F` gives a slash inside a parameter.
  Match match(std::string_view method, std::string_view path) const;

  /// The methods that a path is served with, in the order of their routes, `HEAD` after `GET`;
  /// empty if no route fits.
  std::vector<std::string_view> methods_of(std::string_view path) const;

  std::size_t size() const;

  static constexpr std::size_t parameters_max = 16;

 private:
  struct Segment;
  struct Route;
  struct Node;
  struct Walk;

  RouteId insert(std::string_view pattern, Route route);
  static Segment read_segment(std::string_view text, bool last);
  static Node& child_of(Node& node, const Segment& segment);
  void visit(const Node& node, std::optional<std::string_view> rest, Walk& walk) const;
  void visit_behind(const Node& node,
                    std::string_view taken,
                    std::optional<std::string_view> rest,
                    Walk& walk) const;
  void visit_behind_several(const Node& node, std::string_view rest, Walk& walk) const;
  void consider(const std::vector<RouteId>& ids,
                std::optional<std::string_view> rest,
                Walk& walk) const;
  void walk_path(std::string_view path, Walk& walk) const;

  std::vector<Route> routes_;
  std::unique_ptr<Node> root_;
};

/// Undoes percent encoding; nothing if a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace troupe::http
