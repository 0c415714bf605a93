// An HTTP request and its response, as handlers see them.
#pragma once

#include "runtime/base/result.h"

#include <kj/async.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

class Socket;

/// A route's place in its table, in the order in which routes were added.
using RouteId = std::size_t;

/// The values of a route's parameters, decoded, in the route's order. One that is optional and
/// missing is not in it. The names are borrowed from the route table.
class Parameters {
 public:
  using Entry = std::pair<std::string_view, std::string>;

  void add(std::string_view name, std::string value) {
    entries_.emplace_back(name, std::move(value));
  }

  /// Nothing if there is no such parameter.
  const std::string* find(std::string_view name) const;

  /// Requires: there is such a parameter.
  const std::string& at(std::string_view name) const;

  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

/// Names in lower case, in the order of arrival.
using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string verb;        // as sent: `HEAD` for a HEAD
  std::string method;      // that it is routed by: `GET` for a HEAD
  std::string target;      // path and query, exactly as received
  std::string path;        // of the target, percent signs included; starts with /
  std::string query;       // as sent, without the question mark
  std::string host;        // the Host header, as sent; of HTTP/1.0 it may be empty
  std::string peer;        // the address it came from, such as 192.0.2.1; empty: a socket file
  bool is_tls = false;     // between us and the peer
  std::string request_id;  // fresh, a UUID
  std::string trace_id;    // given by the peer, or a fresh UUID
  Headers headers;         // repeated ones are joined with `, `
  RouteId route = 0;       // that was matched
  Parameters parameters;   // of the route
  bool has_body_header = false;  // Content-Length or Transfer-Encoding, of whatever length
  bool wants_socket = false;     // it asks for a WebSocket: the response may have a `socket`
  // Decompressed; JSON also as UTF-8 without byte order mark, whatever charset it came in.
  std::string body;
  // The body's hash as callers sign it (see runtime/hawk/mac.h), where somebody has worked it out
  // already; else empty.
  std::string body_hash;
  // Resolves when the peer has ended its side of the connection: nobody waits any more. To be asked
  // by a handler at most once. Empty: it cannot be known.
  std::function<kj::Promise<void>()> peer_gone = {};
  // To be called by a handler that waits for what others do: until it responds it does nothing, and
  // does not count among the requests under way. Empty: nobody counts.
  std::function<void()> begin_waiting = {};

  bool is_head() const { return verb != method; }

  /// The header's value, empty without one; `name` in lower case.
  std::string_view header(std::string_view name) const;
};

class BodyWriter;

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::string body;
  Headers headers;                     // beside those of the body and those that every response has
  std::shared_ptr<BodyWriter> stream;  // if set, in place of `body` (see streaming.h)
  // In place of all the above: the connection becomes a WebSocket, which ends with the promise. The
  // request lives as long. Only where the request `wants_socket`.
  std::function<kj::Promise<void>(Socket&)> socket = nullptr;

  /// Whether it has a header of its own, if only an empty one; `name` in lower case.
  bool has(std::string_view name) const;
};

/// 200 with a JSON text.
Response json_response(std::string body);

/// `{"code":...,"message":...}` with the status that belongs to the code. What went wrong inside
/// (`internal`, `corrupt`) is not told: the caller logs it.
Response error_response(const Error& error);

/// 404 `{"error":"Not found"}`. Source: spec/api-framework.md, "Routing rules".
Response not_found_response();

/// The status of an Error: the one table for HTTP.
unsigned status_of(Errc code);

/// `Not Found` for 404; a general word for what is not in the list.
const char* status_text(unsigned status);

}  // namespace troupe::http
