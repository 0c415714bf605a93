#include "apps/troupe/cli/worker_join.h"

#include "apps/troupe/cli/queue_name.h"
#include "apps/troupe/client/address.h"
#include "apps/troupe/server/config.h"
#include "runtime/base/hash.h"
#include "runtime/process/log.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace troupe::cli {
namespace {

constexpr std::size_t name_bytes_max = 38;
constexpr std::size_t id_hash_digits = 8;

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "local";
  return name.data();
}

// The same work directory on the same host is the same worker, so that it finds its claims again
// after a restart; two directories are two workers.
std::string default_worker_id(const std::string& host, const std::string& work_dir) {
  std::error_code error;
  const std::string path =
      std::filesystem::weakly_canonical(std::filesystem::absolute(work_dir), error).string();
  const Sha256 hash = sha256(host + ":" + (error ? work_dir : path));
  return "worker-" + to_hex(hash).substr(0, id_hash_digits);
}

// The configuration speaks of keys: whoever gave flags reads of these.
Error named_as_flags(Error error, const JoinFlags& flags) {
  for (const auto& [key, flag] : flags.names) {
    const std::string named = "flag: " + key;
    const auto at = error.detail.find(named);
    if (at != std::string::npos) error.detail.replace(at, named.size(), flag);
  }
  return error;
}

Result<server::Settings> effective_settings(const JoinFlags& flags) {
  server::ConfigSources sources;
  sources.environment = server::process_environment();
  sources.flags = flags.settings;
  Result<server::LoadedConfig> loaded = server::load_config(sources);
  if (!loaded.ok()) return named_as_flags(std::move(loaded).error(), flags);
  return std::move(loaded).value().settings;
}

// Without a file: the environment's credentials, or those of a data directory that names the
// address.
Status find_credentials(const GlobalOptions& global,
                        const JoinFlags& flags,
                        worker::WorkerOptions& options) {
  client::FindOptions find = global.find;
  find.rpc = flags.join;
  find.rpc_flag = "--join";
  const Result<client::Target> target = client::find_target(find);
  if (!target.ok()) {
    return Error{target.error().code, target.error().detail +
                                          "; or name a worker token with "
                                          "--credentials FILE"};
  }
  options.client_id = target.value().client_id;
  options.access_token = target.value().access_token;
  if (options.root_url.empty()) options.root_url = target.value().root_url;
  return Done{};
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Empty: it was not given.
Status check_worker_name(const std::string& name, const char* flag) {
  if (name.size() <= name_bytes_max && std::ranges::all_of(name, is_name_character)) return Done{};
  return Error{Errc::invalid, fmt::format("{}: 1 to {} letters, digits, - or _, not \"{}\"", flag,
                                          name_bytes_max, name)};
}

}  // namespace

std::string worker_name(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, name_bytes_max)) {
    name.push_back(is_name_character(c) ? c : '-');
  }
  return name.empty() ? "local" : name;
}

Status start_worker_logging(const JoinFlags& flags) {
  const Result<server::Settings> settings = effective_settings(flags);
  if (!settings.ok()) return settings.error();
  LogOptions options;
  options.level = parse_log_level(settings.value().log_level).value_or(options.level);
  options.format = parse_log_format(settings.value().log_format).value_or(options.format);
  configure_logging(options);
  return Done{};
}

Result<worker::WorkerOptions> worker_options(const GlobalOptions& global, const JoinFlags& flags) {
  if (flags.join.empty() && flags.credentials.empty()) {
    return Error{Errc::invalid,
                 "worker: --join ADDR is missing: the server's RPC address, or a --credentials "
                 "file that names it"};
  }
  if (flags.pool.empty()) {
    return Error{Errc::invalid,
                 "worker: --pool POOL is missing: the queue to serve, such as "
                 "local/default"};
  }
  if (auto named = check_queue_name(flags.pool, "--pool"); !named.ok()) return named.error();
  auto called = check_worker_name(flags.worker_group, "--worker-group");
  if (called.ok()) called = check_worker_name(flags.worker_id, "--worker-id");
  if (!called.ok()) return called.error();
  for (const std::string& address : client::addresses_of(flags.join)) {
    if (auto good = client::check_address(address, "--join"); !good.ok()) return good.error();
  }
  const Result<server::Settings> settings = effective_settings(flags);
  if (!settings.ok()) return settings.error();

  const std::string host = worker_name(host_name());
  worker::WorkerOptions options;
  options.rpc_addresses = client::addresses_of(flags.join);
  options.credentials_file = flags.credentials;
  options.pool = flags.pool;
  options.capacity = flags.capacity;
  options.work_dir = flags.work_dir;
  options.root_url = global.find.root_url;
  options.worker_group = flags.worker_group.empty() ? host : flags.worker_group;
  options.worker_id =
      flags.worker_id.empty() ? default_worker_id(host, flags.work_dir) : flags.worker_id;
  options.orphan_timeout = settings.value().worker_orphan_timeout;
  options.max_log_bytes = settings.value().worker_max_log_bytes;
  options.resources = settings.value().worker_resources.amounts;
  options.min_free_disk_bytes = settings.value().worker_min_free_disk_bytes;
  if (flags.credentials.empty()) {
    const Status found = find_credentials(global, flags, options);
    if (!found.ok()) return found.error();
  }
  return options;
}

}  // namespace troupe::cli
