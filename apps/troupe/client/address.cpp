#include "apps/troupe/client/address.h"

#include <charconv>
#include <cstdint>
#include <string_view>

namespace troupe::client {

Status check_address(const std::string& address, const std::string& source) {
  constexpr std::string_view unix_prefix = "unix:";
  const auto refused = [&](const char* why) {
    return Error{Errc::invalid, source + " " + address + ": " + why +
                                    "; write host:port or unix:PATH, as of `rpc` in the server's "
                                    "credentials.json"};
  };
  if (address.find("://") != std::string::npos) return refused("a URL is for HTTP");
  if (address.starts_with(unix_prefix)) {
    if (address.size() == unix_prefix.size()) return refused("there is no path");
    return Done{};
  }
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return refused("no address for RPC");
  std::uint16_t port = 0;
  const char* const end = address.data() + address.size();
  const auto [read, failure] = std::from_chars(address.data() + colon + 1, end, port);
  if (failure != std::errc{} || read != end || port == 0) {
    return refused("no port from 1 to 65535 at the end");
  }
  return Done{};
}

}  // namespace troupe::client
