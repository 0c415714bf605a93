// `troupe up` and `troupe down`: the platform on one machine, from its data directory.
//
//   up ── DataDir (lock, credentials) ── Server (its own threads) ── LocalWorkers (processes)
//
// The main thread runs a KJ loop for signals and for the workers; the server never needs it.
#pragma once

#include "apps/troupe/server/listening.h"
#include "runtime/base/result.h"
#include "runtime/process/child.h"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

/// The pool that local workers serve.
inline constexpr const char* local_pool = "local/default";

/// The most local workers that one `up` keeps.
inline constexpr std::uint32_t local_workers_max = 1'000;

struct UpOptions {
  std::string data_dir;
  std::string config_file;                          // empty: `find_config_file` decides
  std::map<std::string, std::string> config_flags;  // by the key's name
  ListenRequest listen;
  std::uint32_t workers = 1;
};

/// What is known once the platform serves.
struct Ready {
  std::string root_url;
  std::string rpc;  // all addresses, with commas between
  std::string data_dir;
  std::uint32_t workers = 0;
};

/// Serves until SIGTERM or SIGINT; everything is stopped within 5 seconds then. A second SIGINT
/// ends the process at once.
///
/// Errors: `invalid` the configuration or an address; `conflict` the data directory or an address
/// is in use; `corrupt`, `unavailable` as `DataDir::open` and `start`.
/// Needs a process without other threads: it captures signals first.
Status run_up(const UpOptions& options, const std::function<void(const Ready&)>& on_ready);

/// What `down` found.
struct Stopped {
  std::optional<pid_t> server;  // its pid; nothing if none ran
  std::size_t workers = 0;      // that a killed server had left behind
};

/// Stops the server of a data directory, and its local workers.
///
/// Errors: `not_found` no data directory is there; `forbidden` the server is another user's;
/// `unavailable` it has not ended after 10 seconds.
Result<Stopped> run_down(const std::string& data_dir);

/// The worker that lives in a work directory, if any.
std::optional<ProcessIdentity> find_living_worker(const std::string& work_dir);

/// The configuration file in force: `given`, else TROUPE_CONFIG, else `troupe.toml` in the data
/// directory if there is one; empty: none.
std::string find_config_file(const std::string& given,
                             const std::map<std::string, std::string>& environment,
                             const std::string& data_dir);

}  // namespace troupe::server
