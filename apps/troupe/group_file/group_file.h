// A task graph as a person writes it: `troupe.yml` to plain task definitions. Nothing here calls a
// server, reads a clock or makes an id.
//
//   text --parse--> GroupFile (checked, ids open) --expand--> definitions
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::group_file {

/// The reserved name of the task that holds the uploaded files, its queue and its artifact.
inline constexpr std::string_view upload_name = "upload";
inline constexpr std::string_view upload_queue = "troupe/upload";
inline constexpr std::string_view upload_artifact = "private/source.tar.zst";

/// Where a task runs that does not say it, and until when it has to have ended.
inline constexpr std::string_view default_queue = "local/default";
inline constexpr Duration default_deadline{std::chrono::hours{24}};

/// How often a task may be retried. Source: spec/queue.md 1.1.
inline constexpr std::int64_t retries_max = 49;

/// One task: a combination, where there is a matrix.
struct TaskPlan {
  std::string name;                // `test-unit-1`
  std::string key;                 // `test`
  Position at;                     // of its key in the file
  Value definition;                // complete but for ids, owner, source and times to come
  std::vector<std::size_t> needs;  // tasks of the file, by index; all before this one
};

struct GroupFile {
  std::string file_name;
  std::optional<std::string> upload;  // the directory to upload, relative to the file's
  Position upload_at;
  bool seal = true;                          // whether the group is sealed once all is there
  std::optional<std::string> task_group_id;  // only if the file itself gives one
  std::vector<TaskPlan> tasks;               // in dependency order; with `upload`, that is first
};

struct ExpandOptions {
  Instant now;
  std::string group_id;
  std::string owner;                                     // where the file gives none
  std::string source;                                    // likewise; must be a URL
  std::function<std::string()> new_id;                   // called once for each task
  std::vector<std::pair<std::string, std::string>> env;  // into each task's, last word
  std::vector<std::string> only;                         // these and what they need; empty: all
};

struct ExpandedTask {
  std::string name;
  std::string task_id;
  std::string definition_json;  // as the body of createTask
  std::string queue;            // its taskQueueId
  std::string where;            // `file:line:column`, for messages
  std::size_t plan = 0;         // its place in GroupFile::tasks
  bool is_upload = false;
};

/// Reads and checks a group file. What is wrong is added to `problems`; the rest is returned, so
/// that others can check it too. Nothing if there is no rest.
std::optional<GroupFile> read_group_file(std::string_view text,
                                         const std::string& file_name,
                                         Problems& problems);

/// The same for a file that must be right.
/// Fails with `invalid`: every error at once, one `file:line:column: message` a line.
Result<GroupFile> parse(std::string_view text, const std::string& file_name);

/// Definitions in dependency order: what a task needs comes before it.
/// Fails with `invalid` if `only` names a task that is not there.
Result<std::vector<ExpandedTask>> expand(const GroupFile& file, const ExpandOptions& options);

/// Where a field of an expanded task's definition (`payload.mounts[2].file`) was written, in the
/// task or in `defaults`; what was filled in stands where the task does.
Position position_of(const GroupFile& file, const ExpandedTask& task, std::string_view field);

/// A single definition in JSON or YAML, as `troupe task create` takes it: `created` defaults to
/// now, `deadline` and `taskQueueId` to the above, `payload.env` is text. Unknown fields are
/// problems as in a group file; everything else is the server's to check. Nothing if it is not a
/// map.
std::optional<Value> read_definition(std::string_view text, Problems& problems);

}  // namespace troupe::group_file
