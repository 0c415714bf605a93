// One task of the file, its short keys turned into fields of a definition. Names of other tasks
// are left as they are: see inputs.h.
#pragma once

#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"

#include <string>
#include <vector>

namespace troupe::group_file {

/// What a task lists, for those who take it as input.
struct ListedArtifact {
  std::string path;  // as written, without `./` and a last `/`
  std::string name;
  bool directory = false;
};

/// What a task takes from another.
struct Input {
  std::string from;      // a task's name or id
  std::string artifact;  // a path that the other lists, or a full name
  std::string target;    // where to mount it; empty: at the artifact's own path
  bool unpack = false;   // the target is a directory
  std::string format;    // empty: by the artifact's extension, if it is unpacked
  Position at;
};

/// A task before names are resolved.
struct DraftTask {
  TaskPlan plan;
  bool of_matrix = false;
  std::vector<Value> needs;  // texts
  std::vector<Input> inputs;
  std::vector<ListedArtifact> artifacts;
  bool knows_artifacts = true;  // the list is in a form that we know
  std::vector<Value> cache_mounts;
};

/// `task` is normalised, has its defaults and its combination. With `upload`, relative paths
/// move below `src/` and `run` starts there.
DraftTask read_task(const Value& task, TaskPlan plan, bool upload, Problems& problems);

/// `path` without `./` in front and `/` at the end; a problem if it is empty or climbs out.
std::string clean_path(const Value& path, Problems& problems);

/// Where a path of the file lies in the task's directory.
std::string placed_path(const std::string& path, bool upload);

}  // namespace troupe::group_file
