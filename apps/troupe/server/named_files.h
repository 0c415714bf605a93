// The files that the configuration names: certificates and keys, static clients, secrets.
#pragma once

#include "apps/troupe/server/config.h"
#include "apps/troupe/server/server.h"
#include "apps/troupe/server/static_clients.h"
#include "runtime/amqp/connection.h"
#include "runtime/base/result.h"
#include "runtime/base/secret.h"
#include "runtime/base/time.h"

#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

/// What files of secrets hold.
struct SecretFiles {
  std::vector<StaticClient> static_clients;
  Secret websocktunnel_secret;
  std::optional<amqp::Options> broker;  // nothing: events are not published
};

/// Errors: `invalid`, naming the key, its file and what is wrong.
Result<SecretFiles> read_secret_files(const Settings& settings);

/// Of HTTP and RPC; empty where none is wanted. Errors: as `read_tls_files`.
Result<ServerTls> read_tls(const Settings& settings, Instant now);

/// Lines for people, each with where the file is named.
struct FileFindings {
  std::vector<std::string> errors;    // what a start would refuse
  std::vector<std::string> warnings;  // secrets that others on this machine can read or change
};

/// Looks at all files that the configuration names, and at those of keys and the root token in
/// `data_dir`, which need not exist. `keys`: the contents of `keys_variable`. Changes nothing.
FileFindings check_named_files(const LoadedConfig& config,
                               const std::string& data_dir,
                               const std::string& keys,
                               Instant now);

}  // namespace troupe::server
