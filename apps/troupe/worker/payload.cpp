#include "apps/troupe/worker/payload.h"

#include "apps/troupe/worker/json_fields.h"
#include "apps/troupe/worker/payload_mounts.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <tuple>

namespace troupe::worker {
namespace {

using rapidjson::SizeType;
using rapidjson::Value;

constexpr std::int64_t run_time_seconds_max = 366LL * 24 * 60 * 60;
constexpr std::int64_t exit_code_max = 2'147'483'647;
constexpr std::size_t artifact_name_bytes_max = 1'024;
constexpr Duration expiry_slack{1'000};

std::string item(const std::string& path, SizeType index) {
  return fmt::format("{}[{}]", path, index);
}

// Reports what is not an array, too.
bool is_array(const Value& value, const std::string& path, JsonErrors& errors) {
  if (!value.IsArray()) errors.add(path, "must be an array");
  return value.IsArray();
}

std::vector<std::string> read_command(const Value& value,
                                      const std::string& path,
                                      JsonErrors& errors) {
  std::vector<std::string> argv;
  if (!is_array(value, path, errors)) return argv;
  if (value.Empty()) errors.add(path, "must have at least one item");
  for (SizeType i = 0; i < value.Size(); ++i) {
    if (auto text = json_text(value[i], item(path, i), errors)) argv.push_back(std::move(*text));
  }
  return argv;
}

void read_commands(JsonFields& fields, Payload& payload) {
  const Value* value = fields.require("command");
  const auto path = fields.path_of("command");
  if (value == nullptr || !is_array(*value, path, fields.errors())) return;
  if (value->Empty()) fields.errors().add(path, "must have at least one item");
  for (SizeType i = 0; i < value->Size(); ++i) {
    payload.commands.push_back(read_command((*value)[i], item(path, i), fields.errors()));
  }
}

void read_env(JsonFields& fields, Payload& payload) {
  const Value* value = fields.take("env");
  if (value == nullptr) return;
  const auto path = fields.path_of("env");
  if (!value->IsObject()) return fields.errors().add(path, "must be an object");
  for (const auto& member : value->GetObject()) {
    std::string name(member.name.GetString(), member.name.GetStringLength());
    const std::string at = path + "." + name;
    auto text = json_text(member.value, at, fields.errors());
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      fields.errors().add(at, "is not the name of a variable");
    } else if (text) {
      payload.env.emplace_back(std::move(name), std::move(*text));
    }
  }
}

bool is_artifact_name(const std::string& name) {
  return !name.empty() && name.size() <= artifact_name_bytes_max &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Instant read_expires(JsonFields& fields, const TaskFacts& task) {
  const auto text = fields.text("expires");
  if (!text) return {};
  const auto path = fields.path_of("expires");
  const auto time = parse_time(*text);
  if (!time) {
    fields.errors().add(path, "must be a time such as 2026-01-31T08:00:00.000Z");
    return {};
  }
  if (*time < task.deadline - expiry_slack || *time > task.expires + expiry_slack) {
    fields.errors().add(path,
                        fmt::format("must lie between the task's deadline {} and its expiry {}",
                                    format_time(task.deadline), format_time(task.expires)));
  }
  return std::min(*time, task.expires);
}

ArtifactRule read_artifact(const Value& value,
                           const std::string& path,
                           const TaskFacts& task,
                           JsonErrors& errors) {
  ArtifactRule rule;
  JsonFields fields(value, path, errors);
  if (!value.IsObject()) return rule;
  const auto type = fields.required_text("type");
  if (type == "directory") {
    rule.type = ArtifactRule::Type::directory;
  } else if (type && *type != "file") {
    errors.add(fields.path_of("type"), "must be `file` or `directory`");
  }
  rule.path = fields.required_text("path").value_or("");
  rule.name = fields.text("name").value_or(rule.path);
  rule.expires = read_expires(fields, task);
  rule.content_type = fields.text("contentType").value_or("");
  rule.optional = fields.flag("optional", false);
  // Bytes are kept as they are: an encoding of the transport changes nothing that anybody reads.
  const auto encoding = fields.text("contentEncoding");
  if (encoding && *encoding != "identity" && *encoding != "gzip") {
    errors.add(fields.path_of("contentEncoding"), "must be `identity` or `gzip`");
  }
  if (!rule.path.empty() && !is_artifact_name(rule.name)) {
    errors.add(fields.path_of("name"), "must have 1 to 1024 printable ASCII characters");
  }
  fields.finish();
  return rule;
}

void read_artifacts(JsonFields& fields, const TaskFacts& task, Payload& payload) {
  const Value* value = fields.take("artifacts");
  const auto path = fields.path_of("artifacts");
  if (value == nullptr || !is_array(*value, path, fields.errors())) return;
  std::set<std::tuple<int, std::string, std::string, std::int64_t, std::string, bool>> seen;
  for (SizeType i = 0; i < value->Size(); ++i) {
    auto rule = read_artifact((*value)[i], item(path, i), task, fields.errors());
    const bool is_new = seen.emplace(static_cast<int>(rule.type), rule.path, rule.name,
                                     rule.expires.ms, rule.content_type, rule.optional)
                            .second;
    if (!is_new) fields.errors().add(item(path, i), "is written twice");
    payload.artifacts.push_back(std::move(rule));
  }
}

std::set<int> read_codes(JsonFields& fields, const char* name, std::int64_t min) {
  std::set<int> codes;
  const Value* value = fields.take(name);
  const auto path = fields.path_of(name);
  if (value == nullptr || !is_array(*value, path, fields.errors())) return codes;
  for (SizeType i = 0; i < value->Size(); ++i) {
    const auto code =
        json_integer((*value)[i], {min, exit_code_max}, item(path, i), fields.errors());
    if (code && !codes.insert(static_cast<int>(*code)).second) {
      fields.errors().add(item(path, i), "is written twice");
    }
  }
  return codes;
}

void read_exit_status(JsonFields& fields, Payload& payload) {
  const Value* value = fields.take("onExitStatus");
  if (value == nullptr) return;
  JsonFields inner(*value, fields.path_of("onExitStatus"), fields.errors());
  payload.retry_codes = read_codes(inner, "retry", 1);
  payload.purge_cache_codes = read_codes(inner, "purgeCaches", 0);
  inner.finish();
}

void read_log_names(JsonFields& fields, Payload& payload) {
  const Value* value = fields.take("logs");
  if (value == nullptr) return;
  JsonFields inner(*value, fields.path_of("logs"), fields.errors());
  payload.live_log_name = inner.text("live").value_or(payload.live_log_name);
  payload.backing_log_name = inner.text("backing").value_or(payload.backing_log_name);
  for (const auto* name : {"live", "backing"}) {
    const bool live = std::string_view(name) == "live";
    if (is_artifact_name(live ? payload.live_log_name : payload.backing_log_name)) continue;
    inner.errors().add(inner.path_of(name), "must have 1 to 1024 printable ASCII characters");
  }
  if (payload.live_log_name == payload.backing_log_name) {
    inner.errors().add(inner.path(), "`live` and `backing` must differ");
  }
  inner.finish();
}

// This worker always streams the log and keeps it, and has no other feature: what asks for anything
// else cannot run here.
void read_features(JsonFields& fields) {
  const Value* value = fields.take("features");
  if (value == nullptr) return;
  JsonFields inner(*value, fields.path_of("features"), fields.errors());
  for (const auto* name : {"backingLog", "liveLog"}) {
    if (!inner.flag(name, true)) {
      inner.errors().add(inner.path_of(name), "cannot be switched off on this worker");
    }
  }
  inner.finish();
}

}  // namespace

bool satisfies_scope(const std::vector<std::string>& held, std::string_view scope) {
  return std::any_of(held.begin(), held.end(), [scope](const std::string& have) {
    if (have.ends_with('*'))
      return scope.starts_with(std::string_view(have).substr(0, have.size() - 1));
    return have == scope;
  });
}

Result<Payload> read_payload(const TaskFacts& task) {
  JsonErrors errors;
  Payload payload;
  rapidjson::Document document;
  // Iterative: nesting from outside must not use up our stack.
  document.Parse<rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag>(
      task.payload.data(), task.payload.size());
  if (document.HasParseError()) {
    return Error{Errc::invalid,
                 fmt::format("payload: not JSON at byte {}: {}", document.GetErrorOffset(),
                             rapidjson::GetParseError_En(document.GetParseError()))};
  }
  JsonFields fields(document, "payload", errors);
  read_commands(fields, payload);
  if (const auto* value = fields.require("maxRunTime")) {
    const auto seconds =
        json_integer(*value, {1, run_time_seconds_max}, fields.path_of("maxRunTime"), errors);
    payload.max_run_time = std::chrono::seconds{seconds.value_or(0)};
  }
  read_env(fields, payload);
  read_artifacts(fields, task, payload);
  if (const auto* value = fields.take("mounts")) {
    payload.mounts = read_mounts(*value, fields.path_of("mounts"), task, errors);
  }
  read_exit_status(fields, payload);
  read_log_names(fields, payload);
  read_features(fields);
  fields.finish();
  if (!errors.empty()) return Error{Errc::invalid, errors.text()};
  return payload;
}

}  // namespace troupe::worker
