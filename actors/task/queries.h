// What can be asked about tasks, answered from a snapshot. Tasks that are still being created do
// not exist here.
#pragma once

#include "actors/lookup.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/api/troupe.capnp.h"
#include "schema/store/rows.capnp.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::task {

/// A visible task's row, in place: lives as long as the snapshot.
class TaskView {
 public:
  TaskView(const Snapshot& snapshot, std::uint64_t number, WordSpan row)
      : snapshot_(&snapshot),
        number_(number),
        row_(std::make_unique<Stored<schema::TaskRow>>(row)) {}

  std::uint64_t number() const { return number_; }
  schema::TaskRow::Reader row() { return row_->get(); }
  schema::TaskState state();
  /// Lives as long as the snapshot.
  schema::TaskDefinition::Reader definition();
  /// With the current priority.
  void fill_definition(schema::TaskDefinition::Builder out);
  void fill_status(schema::TaskStatus::Builder out);
  /// What these two fill in is about so large.
  std::size_t definition_bytes() const;
  std::size_t status_bytes() const;

 private:
  const Snapshot* snapshot_;
  std::uint64_t number_;
  std::unique_ptr<Stored<schema::TaskRow>> row_;
  std::unique_ptr<Stored<schema::TaskDefinition>> definition_;  // once asked
};

/// Nothing if there is no such task, or not yet.
std::optional<TaskView> find_task(const Snapshot& snapshot, const std::string& task_id);

/// Visits tasks from the newest to the oldest, those older than `before` (a task's number; 0: all).
void scan_newest(const Snapshot& snapshot,
                 std::uint64_t before,
                 const std::function<bool(TaskView&)>& visit);

struct ArtifactInfo {
  std::uint32_t run = 0;
  std::string name;
  std::string storage_type;
  std::string content_type;
  Instant expires;
  std::uint64_t size = 0;
  std::string sha256;  // 32 bytes
  std::string link;
  std::string reason;
  std::string message;
  std::string url;
  std::string content_encoding;        // of the bytes as they are kept
  std::int64_t announced_length = -1;  // as its creator said
  bool present = true;                 // false: an `object` whose upload is not finished

  bool has_bytes() const { return !sha256.empty(); }
};

/// In the order of names.
std::vector<ArtifactInfo> list_artifacts(const Snapshot& snapshot,
                                         TaskView& task,
                                         std::uint32_t run,
                                         const Page& page,
                                         std::string& next);

/// One artifact as it stands, links not followed.
std::optional<ArtifactInfo> find_artifact(const Snapshot& snapshot,
                                          TaskView& task,
                                          std::uint32_t run,
                                          const std::string& name);

/// So many links lead from one artifact to what is had by its name.
inline constexpr std::size_t links_max = 32;

/// Follows links within the run. `allow` is called with all names so far, each time before the last
/// of them is looked at, and throws if the caller may not have it: a link opens nothing.
/// Errors: `not_found`; `expired`; `invalid` for a circle of links, or more than `links_max`.
Result<ArtifactInfo> resolve_artifact(
    const Snapshot& snapshot,
    TaskView& task,
    std::uint32_t run,
    const std::string& name,
    Instant now,
    const std::function<void(const std::vector<std::string>&)>& allow);

void fill_artifact(const ArtifactInfo& info, schema::Artifact::Builder out);

/// Ids of tasks that name this one in `dependencies`, in order, until they expire. A page may be
/// short.
std::vector<std::string> list_dependents(
    const Snapshot& snapshot, TaskView& task, Instant now, const Page& page, std::string& next);

/// Required tasks that have not ended as asked.
std::vector<std::string> unsatisfied_needs(const Snapshot& snapshot,
                                           TaskView& task,
                                           std::size_t limit);

}  // namespace troupe::task
