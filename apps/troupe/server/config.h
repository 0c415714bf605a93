// The configuration: one table of keys, from which reading, checking, showing and the help text are
// derived. A key comes from a flag, else the environment, else the file, else its default.
#pragma once

#include "apps/troupe/server/resource_offer.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::server {

/// So much of a disk: a share of it, or a size.
struct DiskShare {
  std::uint32_t percent = 0;
  std::uint64_t bytes = 0;  // if `percent` is 0
};

/// The effective values. Made by `load_config` only: the members have no defaults of their own.
struct Settings {
  Duration queue_claim_timeout;
  Duration queue_claim_work_timeout;
  Duration queue_deadline_delay;
  Duration queue_expiration_delay;
  Duration artifacts_garbage_delay;
  Duration queue_max_task_deadline;
  std::uint32_t queue_max_dependencies;
  Duration worker_lease;
  Duration worker_orphan_timeout;
  std::uint64_t worker_max_log_bytes;
  std::uint64_t worker_min_free_disk_bytes;
  ResourceOffer worker_resources;
  bool store_sync;
  std::uint64_t store_map_size_bytes;
  std::uint32_t store_shards;
  DiskShare disk_reserve;
  Duration events_retention;
  std::uint64_t events_retention_bytes;
  std::string amqp_url;            // empty: nothing is published
  std::string amqp_password_file;  // paths; empty: none
  std::string amqp_tls_ca;
  std::string amqp_tls_cert;
  std::string amqp_tls_key;
  std::uint64_t amqp_backlog_bytes;
  Duration auth_audit_retention;
  std::string auth_static_clients;  // paths; empty: none
  std::string auth_websocktunnel_secret;
  std::string http_tls_cert;  // paths; empty: none
  std::string http_tls_key;
  std::string rpc_tls_cert;
  std::string rpc_tls_key;
  std::string rpc_tls_client_ca;
  std::uint32_t http_threads;  // 0: as `http_threads_of` decides
  std::uint32_t server_max_connections;
  std::string log_level;
  std::string log_format;
};

/// Where a key's value goes, which is also its type: a duration, a size in bytes (64 bits), a
/// count (32 bits), a part of a disk, what a worker offers, true or false, or a text: one of
/// `Key::choices`, or what `Key::check` takes, or without both the path of a file.
using Field = std::variant<Duration Settings::*,
                           std::uint64_t Settings::*,
                           std::uint32_t Settings::*,
                           DiskShare Settings::*,
                           ResourceOffer Settings::*,
                           bool Settings::*,
                           std::string Settings::*>;

/// One row of the table. All texts live as long as the program.
struct Key {
  std::string_view name;  // `queue.claim_timeout`
  Field field;
  std::string_view default_text;
  std::string_view doc;         // one line
  std::string_view least = {};  // limits, inclusive, written as values are; empty: none
  std::string_view most = {};
  std::string_view choices = {};                // of a text: `auto|text|json`
  std::string_view form = {};                   // of a text that is none of them, for people: `url`
  Status (*check)(std::string_view) = nullptr;  // of such a text
  std::string_view flag = {};                   // `--log-level`; empty: the key has no flag
};

/// All keys, grouped by section.
std::span<const Key> config_keys();

/// Nothing if there is no such key.
const Key* find_key(std::string_view name);

/// Whether `name` is a key of what later versions do: refused, but not as a slip of the pen.
bool is_planned_key(std::string_view name);

/// `TROUPE_QUEUE_CLAIM_TIMEOUT`.
std::string environment_name(const Key& key);

/// Where values may come from.
struct ConfigSources {
  std::string file;                                // empty: none
  std::map<std::string, std::string> environment;  // all variables; those not ours are skipped
  std::map<std::string, std::string> flags;        // by the key's name
};

/// One effective value, for people.
struct ShownValue {
  std::string name;
  std::string value;   // as it would be written in the file, without quotes
  std::string origin;  // `default`, `FILE:LINE`, `environment NAME` or `flag`
};

struct LoadedConfig {
  Settings settings;
  std::vector<ShownValue> shown;      // in the order of the table
  std::vector<std::string> warnings;  // variables that look like ours, but name no key
};

/// Reads and checks all sources. A path in the file counts from the file's folder, one of the
/// environment or a flag from the working directory.
///
/// Errors: `invalid` with one line for each fault, in the file as `FILE:LINE:COLUMN: message`, or
/// with why the file cannot be read.
Result<LoadedConfig> load_config(const ConfigSources& sources);

/// The variables of this process.
std::map<std::string, std::string> process_environment();

/// The table as aligned text, for `--help`.
std::string config_help();

}  // namespace troupe::server
