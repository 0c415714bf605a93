#include "apps/troupe/server/config.h"

#include "apps/troupe/server/config_file.h"
#include "apps/troupe/server/config_value.h"
#include "runtime/amqp/address.h"
#include "runtime/transcode/faults.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

namespace troupe::server {
namespace {

Status check_broker(std::string_view url) {
  if (url.empty()) return Done{};
  const auto address = amqp::parse_address(url);
  if (!address.ok()) return address.error();
  return Done{};
}

// The only list of keys. A key enters it together with what it steers: one that nothing reads would
// be accepted in silence.
constexpr std::array keys = {
    Key{.name = "queue.claim_timeout",
        .field = &Settings::queue_claim_timeout,
        .default_text = "20m",
        .doc = "How long a claim is held before it must be renewed",
        .least = "1s",
        .most = "7d"},
    Key{.name = "queue.claim_work_timeout",
        .field = &Settings::queue_claim_work_timeout,
        .default_text = "20s",
        .doc = "How long a worker over HTTP is kept waiting for tasks",
        .least = "1ms",
        .most = "1h"},
    Key{.name = "queue.deadline_delay",
        .field = &Settings::queue_deadline_delay,
        .default_text = "1m",
        .doc = "How long after its deadline a task is resolved",
        .least = "0s",
        .most = "1d"},
    Key{.name = "queue.expiration_delay",
        .field = &Settings::queue_expiration_delay,
        .default_text = "30m",
        .doc = "How long after it has expired a task, group, task queue or worker is removed",
        .least = "0s",
        .most = "30d"},
    Key{.name = "queue.max_task_deadline",
        .field = &Settings::queue_max_task_deadline,
        .default_text = "5d",
        .doc = "The latest deadline of a new task, from its creation",
        .least = "1m",
        .most = "365d"},
    Key{.name = "queue.max_dependencies",
        .field = &Settings::queue_max_dependencies,
        .default_text = "10000",
        .doc = "The most tasks that one task may depend on",
        .least = "0",
        .most = "10000"},
    Key{.name = "artifacts.garbage_delay",
        .field = &Settings::artifacts_garbage_delay,
        .default_text = "1h",
        .doc = "How long bytes that no artifact names any more are kept",
        .least = "1s",
        .most = "30d"},
    Key{.name = "worker.lease",
        .field = &Settings::worker_lease,
        .default_text = "15s",
        .doc = "How long a disconnected worker keeps its tasks",
        .least = "1s",
        .most = "1d"},
    Key{.name = "worker.orphan_timeout",
        .field = &Settings::worker_orphan_timeout,
        .default_text = "10m",
        .doc = "A worker ends after so long without a server",
        .least = "1s",
        .most = "30d"},
    Key{.name = "worker.max_log",
        .field = &Settings::worker_max_log_bytes,
        .default_text = "1GiB",
        .doc = "Where a task's log is cut",
        .least = "64KiB",
        .most = "1TiB"},
    Key{.name = "worker.min_free_disk",
        .field = &Settings::worker_min_free_disk_bytes,
        .default_text = "5GiB",
        .doc = "A worker with less free disk takes no tasks",
        .least = "0",
        .most = "1024TiB"},
    Key{.name = "worker.resources",
        .field = &Settings::worker_resources,
        .default_text = "",
        .doc = "What a worker has for its tasks; empty: it takes every task"},
    Key{.name = "store.sync",
        .field = &Settings::store_sync,
        .default_text = "true",
        .doc = "Wait for the disk; false only where losing data is fine"},
    Key{.name = "store.map_size",
        .field = &Settings::store_map_size_bytes,
        .default_text = "64GiB",
        .doc = "The most that the store may grow to",
        .least = "128MiB",
        .most = "1TiB"},
    Key{.name = "store.shards",
        .field = &Settings::store_shards,
        .default_text = "1",
        .doc = "Parts of the store, fixed when DIR is made",
        .least = "1",
        .most = "64"},
    Key{.name = "disk.reserve",
        .field = &Settings::disk_reserve,
        .default_text = "5%",
        .doc = "With less free disk no tasks are created; a share is at least 2GiB"},
    Key{.name = "events.retention",
        .field = &Settings::events_retention,
        .default_text = "7d",
        .doc = "How long events are kept",
        .least = "1m",
        .most = "3650d"},
    Key{.name = "events.retention_bytes",
        .field = &Settings::events_retention_bytes,
        .default_text = "10GiB",
        .doc = "How much of the event log is kept",
        .least = "1MiB",
        .most = "1TiB"},
    Key{.name = "amqp.url",
        .field = &Settings::amqp_url,
        .default_text = "",
        .doc = "The RabbitMQ that events are published to, as amqps://USER@HOST/VHOST",
        .form = "url",
        .check = check_broker},
    Key{.name = "amqp.password_file",
        .field = &Settings::amqp_password_file,
        .default_text = "",
        .doc = "A file with its user's password; none: guest"},
    Key{.name = "amqp.tls_ca",
        .field = &Settings::amqp_tls_ca,
        .default_text = "",
        .doc = "Who signs its certificate, in PEM; none: those whom the system trusts"},
    Key{.name = "amqp.tls_cert",
        .field = &Settings::amqp_tls_cert,
        .default_text = "",
        .doc = "A certificate to show it, in PEM"},
    Key{.name = "amqp.tls_key",
        .field = &Settings::amqp_tls_key,
        .default_text = "",
        .doc = "Its key, in PEM"},
    Key{.name = "amqp.backlog_bytes",
        .field = &Settings::amqp_backlog_bytes,
        .default_text = "20GiB",
        .doc = "How much of the event log is kept for a RabbitMQ that cannot be had",
        .least = "1MiB",
        .most = "1TiB"},
    Key{.name = "auth.audit_retention",
        .field = &Settings::auth_audit_retention,
        .default_text = "30d",
        .doc = "How long it is kept who changed which client, role, secret or hook",
        .least = "1h",
        .most = "3650d"},
    Key{.name = "auth.static_clients",
        .field = &Settings::auth_static_clients,
        .default_text = "",
        .doc = "A JSON file of clients that no method changes; reread at each start"},
    Key{.name = "auth.websocktunnel_secret",
        .field = &Settings::auth_websocktunnel_secret,
        .default_text = "",
        .doc = "A file with the secret that tokens for websocktunnel are signed with"},
    Key{.name = "http.tls_cert",
        .field = &Settings::http_tls_cert,
        .default_text = "",
        .doc = "The certificate for HTTP, in PEM, then those that signed it"},
    Key{.name = "http.tls_key",
        .field = &Settings::http_tls_key,
        .default_text = "",
        .doc = "Its key, in PEM"},
    Key{.name = "rpc.tls_cert",
        .field = &Settings::rpc_tls_cert,
        .default_text = "",
        .doc = "The certificate for RPC over TCP, as for HTTP"},
    Key{.name = "rpc.tls_key",
        .field = &Settings::rpc_tls_key,
        .default_text = "",
        .doc = "Its key, in PEM"},
    Key{.name = "rpc.tls_client_ca",
        .field = &Settings::rpc_tls_client_ca,
        .default_text = "",
        .doc = "Who signs the certificates that RPC clients must have; none: they need none"},
    Key{.name = "http.threads",
        .field = &Settings::http_threads,
        .default_text = "0",
        .doc = "Threads that serve HTTP; 0: one a processor, at most 4",
        .least = "0",
        .most = "64"},
    Key{.name = "server.max_connections",
        .field = &Settings::server_max_connections,
        .default_text = "16384",
        .doc = "The most connections over HTTP, and the most over RPC; a waiting worker has one",
        .least = "4096",
        .most = "1000000"},
    Key{.name = "log.level",
        .field = &Settings::log_level,
        .default_text = "info",
        .doc = "The least important lines that are logged",
        .choices = "debug|info|warning|error",
        .flag = "--log-level"},
    Key{.name = "log.format",
        .field = &Settings::log_format,
        .default_text = "auto",
        .doc = "How lines are logged; auto: text on a terminal, else json",
        .choices = "auto|text|json",
        .flag = "--log-format"},
};

// Keys of the documentation whose features are not built. One leaves this list for the other.
constexpr std::array<std::string_view, 3> planned_keys = {
    "artifacts.dir",
    "artifacts.max_age",
    "http.public_artifact_hosts",
};

constexpr const char* flag_origin = "flag";

// What has been read so far; each source overrides the one before it.
struct Loading {
  Settings settings{};
  std::array<std::string, keys.size()> origins;
  std::vector<std::string> problems;
};

std::size_t index_of(const Key& key) {
  return static_cast<std::size_t>(&key - keys.data());
}

void apply(Loading& loading, const Key& key, std::string_view text, const std::string& origin) {
  const auto status = set_value(key, text, loading.settings);
  if (!status) {
    // A flag that the table does not know is named after the key by the message itself.
    const bool has_flag = origin == flag_origin && !key.flag.empty();
    loading.problems.push_back(
        fmt::format("{}: {}", has_flag ? key.flag : origin, status.error().detail));
    return;
  }
  loading.origins[index_of(key)] = origin;
}

// The path in a file's value, which counts from the file's own folder wherever a command is called.
std::string from_folder_of(const std::string& file, const std::string& path) {
  if (path.empty()) return path;
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

Status apply_file(Loading& loading, const std::string& path) {
  auto file = read_config_file(path);
  if (!file) return Error{Errc::invalid, "the configuration file: " + file.error().detail};
  std::vector<FileProblem>& problems = file.value().problems;
  for (const FileValue& value : file.value().values) {
    const bool is_path = takes_path(*value.key);
    const auto status = set_value(
        *value.key, is_path ? from_folder_of(path, value.text) : value.text, loading.settings);
    if (!status) {
      problems.push_back({value.at, status.error().detail});
      continue;
    }
    loading.origins[index_of(*value.key)] = fmt::format("{}:{}", path, value.at.line);
  }
  // TOML's tables come sorted by name; people read a file from its top.
  std::stable_sort(problems.begin(), problems.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  for (const FileProblem& problem : problems) {
    loading.problems.push_back(
        fmt::format("{}:{}:{}: {}", path, problem.at.line, problem.at.column, problem.message));
  }
  return Done{};
}

// Whether a variable's name begins like those of our keys (`TROUPE_QUEUE_`).
bool names_a_section(std::string_view variable) {
  return std::any_of(keys.begin(), keys.end(), [variable](const Key& key) {
    const std::string name = environment_name(key);
    const auto section_size = std::string_view("TROUPE_").size() + key.name.find('.') + 1;
    return variable.starts_with(std::string_view(name).substr(0, section_size));
  });
}

std::vector<std::string> unknown_variables(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> names;
  for (const Key& key : keys) names.push_back(environment_name(key));
  const std::vector<std::string_view> known(names.begin(), names.end());
  std::vector<std::string> warnings;
  for (const auto& [name, value] : environment) {
    const bool ours = std::find(known.begin(), known.end(), name) != known.end();
    if (ours || !name.starts_with("TROUPE_")) continue;
    const std::string_view near = transcode::nearest_name(name, known);
    // Other programs' variables may begin like that: one of another section has to be near a key.
    if (near.empty() && !names_a_section(name)) continue;
    warnings.push_back(fmt::format("environment {}: names no configuration key{}", name,
                                   near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  return warnings;
}

std::string upper(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return result;
}

std::string variable_of(std::string_view key_name) {
  std::string name = "TROUPE_" + upper(key_name);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

void refuse_planned(Loading& loading, const std::map<std::string, std::string>& environment) {
  for (const std::string_view key : planned_keys) {
    const std::string variable = variable_of(key);
    if (environment.count(variable) == 0) continue;
    loading.problems.push_back(fmt::format(
        "environment {}: {} is not built yet in this version: unset it", variable, key));
  }
}

}  // namespace

std::span<const Key> config_keys() {
  return keys;
}

const Key* find_key(std::string_view name) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [name](const Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

bool is_planned_key(std::string_view name) {
  return std::find(planned_keys.begin(), planned_keys.end(), name) != planned_keys.end();
}

std::string environment_name(const Key& key) {
  return variable_of(key.name);
}

Result<LoadedConfig> load_config(const ConfigSources& sources) {
  Loading loading;
  loading.origins.fill("default");
  for (const Key& key : keys) {
    const auto status = set_value(key, key.default_text, loading.settings);
    TROUPE_INVARIANT(status.ok());
  }
  if (!sources.file.empty()) {
    auto status = apply_file(loading, sources.file);
    if (!status) return std::move(status).error();
  }
  for (const Key& key : keys) {
    const std::string variable = environment_name(key);
    const auto found = sources.environment.find(variable);
    if (found != sources.environment.end()) {
      apply(loading, key, found->second, "environment " + variable);
    }
  }
  refuse_planned(loading, sources.environment);
  for (const auto& [name, text] : sources.flags) {
    const Key* key = find_key(name);
    TROUPE_EXPECTS(key != nullptr);
    apply(loading, *key, text, flag_origin);
  }
  if (!loading.problems.empty()) {
    return Error{Errc::invalid, fmt::format("{}", fmt::join(loading.problems, "\n"))};
  }

  LoadedConfig loaded{.settings = std::move(loading.settings),
                      .shown = {},
                      .warnings = unknown_variables(sources.environment)};
  for (const Key& key : keys) {
    loaded.shown.push_back({std::string(key.name), value_text(key, loaded.settings),
                            std::move(loading.origins[index_of(key)])});
  }
  return loaded;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::string config_help() {
  std::size_t name_width = 0;
  std::size_t type_width = 0;
  for (const Key& key : keys) {
    name_width = std::max(name_width, key.name.size());
    type_width = std::max(type_width, type_name(key).size());
  }
  std::string text =
      "Configuration keys (in the file, or as TROUPE_QUEUE_CLAIM_TIMEOUT). A path in the file\n"
      "counts from the file's folder.\n";
  for (const Key& key : keys) {
    text += fmt::format("  {:<{}}  {:<{}}  {} [{}]\n", key.name, name_width, type_name(key),
                        type_width, key.doc, key.default_text);
  }
  return text;
}

}  // namespace troupe::server
