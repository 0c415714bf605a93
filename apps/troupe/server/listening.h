// Decides where a start listens: what was asked for, else where the last start did, else the
// defaults; and refuses what would be open to the network unasked.
#pragma once

#include "apps/troupe/server/data_files.h"
#include "runtime/base/result.h"

#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

/// What the command line asks for. Empty: not given.
struct ListenRequest {
  std::string http;
  std::vector<std::string> rpc;
  std::string root_url;
  std::string exposure;  // `public` or `private`
  bool rpc_tls = false;  // whether RPC over TCP is encrypted
};

/// Where to listen; also what the next start takes over.
struct ListenPlan {
  Addresses addresses;
  std::string socket;  // `unix:PATH` of the data directory's own socket

  /// All RPC addresses, the own socket first.
  std::vector<std::string> rpc() const;
};

/// Joins the request and the last start. `data_dir` is absolute.
///
/// Errors: `invalid` an address is malformed, or beyond loopback without what that needs;
/// `forbidden` as `socket_address`.
Result<ListenPlan> plan_listening(const ListenRequest& request,
                                  const std::optional<Addresses>& last,
                                  const std::string& data_dir);

/// Whether all addresses can be had. Socket files that nobody listens on are removed.
///
/// Errors: `conflict` one is taken, `unavailable` one may not be used.
Status check_listening(const ListenPlan& plan);

/// Removes the socket files of a server that has ended.
void remove_sockets(const ListenPlan& plan);

}  // namespace troupe::server
