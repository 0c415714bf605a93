// What a call came to, whichever way it came: for logs and metrics.
#pragma once

#include "runtime/api/call.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace troupe::http {
struct Request;
}  // namespace troupe::http

namespace troupe::api {

enum class Face : std::uint8_t { http, rpc };
const char* to_string(Face face);

/// The status of a call whose caller went away before its end.
inline constexpr unsigned abandoned_status = 499;

/// All borrowed.
struct CallReport {
  const Method& method;
  Face face;
  const std::string& peer;         // its address, such as 192.0.2.1; empty: a socket file
  unsigned status;                 // over RPC the one that HTTP would answer with
  Duration taken;                  // to the end, also of calls that wait
  const Credentials* credentials;  // null where nobody asked for them, or they do not hold
  const ScopeSet& used;            // of the caller's scopes
  const http::Request* request;    // null over RPC
  std::string_view fault;          // of a call that failed: its error's text
};

/// Called once for each call, at its end, on the thread that serves it.
using Report = std::function<void(const CallReport&)>;

}  // namespace troupe::api
