// Which handler answers which request.
#pragma once

#include "runtime/http/message.h"

#include <kj/async.h>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::http {

/// Answers a request, which lives until the promise settles. What the promise is rejected with, or
/// the handler throws, becomes an error response (see runtime/rpc/errors.h).
using Handler = std::function<kj::Promise<Response>(const Request&)>;

/// Filled at start, read afterwards: from any thread once no route is added any more.
class RouteTable {
 public:
  struct Match {
    const Handler* handler;
    std::map<std::string, std::string> parameters;
  };

  /// `pattern`: `/a/<name>/b`, where `<name>` takes one segment that is not empty, and a last
  /// `<name...>` all that follow. The first route that fits wins. One slash at the end of a
  /// request's path is ignored.
  /// Requires: `pattern` starts with `/` and no route has the same method and pattern.
  void add(std::string method, std::string_view pattern, Handler handler);

  /// Nothing if no route fits. `path` as sent: parameters are decoded after the match, so `%2F`
  /// gives a slash inside one; one that does not decode fits nowhere.
  std::optional<Match> match(std::string_view method, std::string_view path) const;

 private:
  struct Segment {
    enum class Kind : unsigned char { literal, parameter, rest };
    Kind kind = Kind::literal;
    std::string text;  // the literal, or the parameter's name
    bool operator==(const Segment&) const = default;
  };
  struct Route {
    std::string method;
    std::vector<Segment> segments;
    Handler handler;
  };

  static Segment read_segment(std::string_view text, bool last);
  static std::optional<std::map<std::string, std::string>> fit(
      const Route& route, const std::vector<std::string_view>& parts);

  std::vector<Route> routes_;
};

/// Undoes percent encoding; nothing if a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace troupe::http
