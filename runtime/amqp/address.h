// Where a broker is: `amqp://USER@HOST:PORT/VHOST`.
#pragma once

#include "runtime/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::amqp {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;  // amqps
  std::string user;
  std::string vhost;

  bool operator==(const Address&) const = default;
};

/// User, port and virtual host may be missing: `guest`, 5672 (5671 with TLS), `/`. A host between
/// brackets is an IPv6 address. Percent signs in user and virtual host are decoded.
///
/// Errors: `invalid` with what is wrong; a password is: it does not belong into a configuration.
Result<Address> parse_address(std::string_view url);

/// As a URL, for people.
std::string to_string(const Address& address);

}  // namespace troupe::amqp
