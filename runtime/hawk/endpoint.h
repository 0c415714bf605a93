// Under which host and port a request was made: both are signed, and proxies change them.
//
// Source: spec/api-framework.md, "Authentication: what a service does with a request".
#pragma once

#include "runtime/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::hawk {

struct Endpoint {
  std::string host;  // in lower case, without the port
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

/// What a server knows of a request's endpoint. All borrowed; empty: the header is absent.
struct EndpointHeaders {
  std::string_view host;             // `Host`
  std::string_view forwarded_port;   // `X-Forwarded-Port`: of several values the first counts
  std::string_view forwarded_proto;  // `X-Forwarded-Proto`
  bool is_tls = false;               // of the connection itself
};

/// The endpoint that the caller has signed. The port is the one forwarded, else 443 if `https` is
/// forwarded, else that of `Host`, else the usual one of the connection.
///
/// A forwarded port that is no port counts as absent. Forwarded headers are believed: without a
/// proxy in front, a caller that sends them makes its own requests fail.
/// Errors: `invalid` if `Host` is absent or malformed: status 400.
Result<Endpoint> endpoint_of(const EndpointHeaders& headers);

}  // namespace troupe::hawk
