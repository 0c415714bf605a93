// Which artifacts a task leaves: its rules applied to what is in its folder.
// Source: spec/generic-worker.md, section 7.1.
#pragma once

#include "apps/troupe/worker/payload.h"
#include "runtime/base/result.h"

#include <atomic>
#include <string>
#include <vector>

namespace troupe::worker {

struct ArtifactItem {
  std::string name;
  std::string path;  // of the file, absolute
  Instant expires;   // 0: with the task
  std::string content_type;
  std::string reason;   // not empty: there is none, and this is why...
  std::string message;  // ...in words
  std::string link;     // not empty: it is another name of this artifact of the run
  bool optional = false;

  bool is_error() const { return !reason.empty(); }
};

/// More than this in one task is an error: something was listed that was not meant.
inline constexpr std::size_t artifacts_max = 100'000;

/// Reads the disk; blocks. Sorted by name, equal entries once. A symbolic link in a directory is
/// followed only to a file inside of `task_dir`, and never to another directory.
/// Errors: `too_large` beyond `artifacts_max`; `unavailable` once `cancelled` is set.
Result<std::vector<ArtifactItem>> list_artifacts(const std::string& task_dir,
                                                 const std::vector<ArtifactRule>& rules,
                                                 const std::atomic<bool>& cancelled);

}  // namespace troupe::worker
