// The server: store, actors and edges, wired together. Owns its threads; `start` returns when it
// serves, the destructor (or `stop`) when all is closed.
#pragma once

#include "apps/troupe/server/static_clients.h"
#include "runtime/amqp/connection.h"
#include "runtime/base/key_ring.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/tls/tls.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

/// For both kinds of connections; empty: no TLS. Sockets never have it.
struct ServerTls {
  TlsMaterial http;
  TlsMaterial rpc;
};

/// What the server needs to know; made from the configuration, the flags and the data directory.
struct ServerOptions {
  std::string data_dir;
  std::string http_address;                // `host:port`; port 0 picks a free one
  std::vector<std::string> rpc_addresses;  // `host:port` or `unix:PATH`
  std::string root_url;                    // empty: made from the HTTP address
  std::size_t http_threads = 1;            // http.threads
  std::size_t connections_max = 16'384;    // server.max_connections
  ServerTls tls;
  bool is_private = false;  // HTTP tells those without credentials nothing
  std::string root_client_id;
  std::string root_access_token;
  std::vector<StaticClient> static_clients;              // from the file auth.static_clients
  Secret websocktunnel_secret;                           // empty: no tunnels
  std::optional<amqp::Options> broker;                   // amqp.url: where events are published
  Duration audit_retention{30LL * 24 * 60 * 60 * 1000};  // auth.audit_retention
  KeyRing keys;                                          // for secrets in the store
  Duration claim_timeout;                                // queue.claim_timeout
  Duration claim_work_timeout{20'000};                   // queue.claim_work_timeout
  Duration worker_lease;                                 // worker.lease
  Duration deadline_delay;                               // queue.deadline_delay
  Duration expiration_delay;                             // queue.expiration_delay
  Duration garbage_delay;                                // artifacts.garbage_delay
  Duration max_task_deadline;                            // queue.max_task_deadline
  std::uint32_t max_dependencies = 10'000;               // queue.max_dependencies
  Duration events_retention;                             // events.retention
  std::uint64_t events_retention_bytes = 0;              // events.retention_bytes
  std::uint64_t amqp_backlog_bytes = 0;                  // amqp.backlog_bytes
  std::uint64_t map_size_bytes = 0;                      // store.map_size
  std::uint64_t disk_reserve_bytes = 0;                  // disk.reserve, of this disk
  bool sync = true;          // store.sync: false only where losing data is fine
  std::uint32_t shards = 1;  // store.shards
};

class Server {
 public:
  virtual ~Server() = default;

  /// The addresses that were bound, ports filled in.
  virtual std::string http_address() const = 0;
  virtual std::vector<std::string> rpc_addresses() const = 0;
  virtual std::string root_url() const = 0;

  /// Connections from now on use other certificates. What had no TLS at the start stays without.
  virtual void use_tls(ServerTls tls) = 0;

  /// Answers what is under way, closes the edges, then the store. Ends within 3 seconds.
  virtual void stop() = 0;
};

/// Opens the store, recovers and serves.
///
/// Errors: `conflict` a port or the store is in use; `corrupt` the store is of another version or
/// damaged; `invalid` an address is malformed; `unavailable` no space or no permission; `internal`
/// an actor refuses what each start does.
/// `on_fatal` is called from any thread when going on would risk data: the process must end.
Result<std::unique_ptr<Server>> start(ServerOptions options,
                                      std::function<void(const std::string&)> on_fatal);

}  // namespace troupe::server
