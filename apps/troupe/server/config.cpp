#include "apps/troupe/server/config.h"

#include "apps/troupe/server/config_file.h"
#include "apps/troupe/server/config_value.h"
#include "runtime/transcode/faults.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace troupe::server {
namespace {

// The only list of keys. A key enters it together with what it steers: one that nothing reads would
// be accepted in silence.
constexpr std::array keys = {
    Key{.name = "queue.claim_timeout",
        .field = &Settings::queue_claim_timeout,
        .default_text = "20m",
        .doc = "How long a claim is held before it must be renewed",
        .least = "1s",
        .most = "7d"},
    Key{.name = "queue.deadline_delay",
        .field = &Settings::queue_deadline_delay,
        .default_text = "1m",
        .doc = "How long after its deadline a task is resolved",
        .least = "0s",
        .most = "1d"},
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
constexpr std::array<std::string_view, 9> planned_keys = {
    "queue.claim_work_timeout",
    "artifacts.dir",
    "artifacts.max_age",
    "http.tls_cert",
    "http.tls_key",
    "http.public_artifact_hosts",
    "rpc.tls_cert",
    "rpc.tls_key",
    "rpc.tls_client_ca",
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

Status apply_file(Loading& loading, const std::string& path) {
  auto file = read_config_file(path);
  if (!file) return Error{Errc::invalid, "the configuration file: " + file.error().detail};
  std::vector<FileProblem>& problems = file.value().problems;
  for (const FileValue& value : file.value().values) {
    const auto status = set_value(*value.key, value.text, loading.settings);
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
  std::string text = "Configuration keys (in the file, or as TROUPE_QUEUE_CLAIM_TIMEOUT):\n";
  for (const Key& key : keys) {
    text += fmt::format("  {:<{}}  {:<{}}  {} [{}]\n", key.name, name_width, type_name(key),
                        type_width, key.doc, key.default_text);
  }
  return text;
}

}  // namespace troupe::server
