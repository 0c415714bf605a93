// The server: store, actors and edges, wired together. Owns its threads; `start` returns when it
// serves, the destructor (or `stop`) when all is closed.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/time.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::server {

/// What the server needs to know; made from the configuration, the flags and the data directory.
struct ServerOptions {
  std::string data_dir;
  std::string http_address;                // `host:port`; port 0 picks a free one
  std::vector<std::string> rpc_addresses;  // `host:port` or `unix:PATH`
  std::string root_url;                    // empty: made from the HTTP address
  bool is_private = false;                 // HTTP tells those without credentials nothing
  std::string root_client_id;
  std::string root_access_token;
  std::string encryption_key;                // 32 bytes, from keys.json
  Duration claim_timeout;                    // queue.claim_timeout
  Duration worker_lease;                     // worker.lease
  Duration deadline_delay;                   // queue.deadline_delay
  Duration max_task_deadline;                // queue.max_task_deadline
  std::uint32_t max_dependencies = 10'000;   // queue.max_dependencies
  Duration events_retention;                 // events.retention
  std::uint64_t events_retention_bytes = 0;  // events.retention_bytes
  std::uint64_t map_size_bytes = 0;          // store.map_size
  std::uint64_t disk_reserve_bytes = 0;      // disk.reserve, of this disk
  bool sync = true;                          // store.sync: false only where losing data is fine
  std::uint32_t shards = 1;                  // store.shards
};

class Server {
 public:
  virtual ~Server() = default;

  /// The addresses that were bound, ports filled in.
  virtual std::string http_address() const = 0;
  virtual std::vector<std::string> rpc_addresses() const = 0;
  virtual std::string root_url() const = 0;

  /// Answers what is under way, closes the edges, then the store. Ends within 3 seconds.
  virtual void stop() = 0;
};

/// Opens the store, recovers and serves.
///
/// Errors: `conflict` a port or the store is in use; `corrupt` the store is of another version or
/// damaged; `invalid` an address is malformed; `unavailable` no space or no permission.
/// `on_fatal` is called from any thread when going on would risk data: the process must end.
Result<std::unique_ptr<Server>> start(ServerOptions options,
                                      std::function<void(const std::string&)> on_fatal);

}  // namespace troupe::server
