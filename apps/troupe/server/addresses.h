// Where `up` listens: the addresses that were asked for, whether they may be used, and who holds
// those that are taken.
#pragma once

#include "runtime/base/result.h"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::server {

/// `127.0.0.1:7420`, `[::1]:7420`, `localhost:0`, in parts.
struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;

  bool operator==(const HostPort&) const = default;
};

/// Fails with `invalid`; the text shows how an address is written.
Result<HostPort> parse_host_port(std::string_view text);

/// Whether only this machine can reach it.
bool is_loopback(const HostPort& address);

/// The path of `unix:PATH`; nothing for other addresses.
std::optional<std::string> unix_path(std::string_view address);

/// Fails with `conflict` if the address is taken, saying by which process if that can be seen, or
/// with `unavailable` if it may not or cannot be used here. Port 0 and names that are not numeric
/// are left to the caller's bind.
Status check_free(const HostPort& address);

/// The process that listens on a TCP port; nothing if there is none or it is another user's.
std::optional<pid_t> listener_of(std::uint16_t port);

/// `unix:DIR/rpc.sock`; a short path elsewhere if that one is longer than a socket's may be. The
/// folder of a short path is made, 0700.
///
/// Errors: `forbidden` the folder for short paths is somebody else's.
Result<std::string> socket_address(const std::string& data_dir);

/// Removes a socket file that nobody listens on any more. `conflict` if somebody does, or if it is
/// another kind of file. Nothing there is fine.
Status clear_stale_socket(const std::string& path);

}  // namespace troupe::server
