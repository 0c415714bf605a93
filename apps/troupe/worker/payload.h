// What a task asks the worker to do: the subset of generic-worker's payload that this worker runs.
// Anything else in it is an error, so that no task runs without something it counts on.
// Source: spec/generic-worker.md, sections 6 to 8.
#pragma once

#include "apps/troupe/worker/task_facts.h"
#include "runtime/base/hash.h"
#include "runtime/base/result.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::worker {

/// How a file is packed. The tar formats and zip are archives, the rest one compressed file.
enum class Packing : std::uint8_t {
  none,
  tar,
  tar_gz,
  tar_bz2,
  tar_xz,
  tar_zst,
  zip,
  gz,
  bz2,
  xz,
  zst,
};

/// An artifact of a task that this one depends on.
struct ArtifactContent {
  std::string task_id;
  std::string name;
  std::optional<Sha256> sha256;
};

/// Bytes that stand in the payload itself.
struct InlineContent {
  std::string bytes;
};

using Content = std::variant<std::monostate, ArtifactContent, InlineContent>;

struct Mount {
  enum class Kind : std::uint8_t { cache, directory, file };
  Kind kind = Kind::file;
  std::string cache_name;  // of a cache
  std::string path;        // where, below the task directory
  Content content;         // a cache may have none
  Packing packing = Packing::none;
};

struct ArtifactRule {
  enum class Type : std::uint8_t { file, directory };
  Type type = Type::file;
  std::string path;
  std::string name;
  Instant expires;           // 0: with the task
  std::string content_type;  // empty: by the extension
  bool optional = false;
};

struct Payload {
  std::vector<std::vector<std::string>> commands;  // argument lists, at least one
  Duration max_run_time{0};
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<ArtifactRule> artifacts;
  std::vector<Mount> mounts;
  std::set<int> retry_codes;
  std::set<int> purge_cache_codes;
  std::string live_log_name = "public/logs/live.log";
  std::string backing_log_name = "public/logs/live_backing.log";
};

/// Reads and checks a task's payload. Fails with `invalid`; the detail has one error a line, each
/// with its path. What depends on the task (mounts only of its dependencies, expiry between its
/// deadline and its expiry, scopes of caches) is checked too.
Result<Payload> read_payload(const TaskFacts& task);

/// Whether one of `held` is `scope` or ends in `*` and is its prefix. Roles are not expanded.
bool satisfies_scope(const std::vector<std::string>& held, std::string_view scope);

}  // namespace troupe::worker
