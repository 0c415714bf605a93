// What artifacts a task has.
#pragma once

#include "apps/troupe/cli/session.h"
#include "runtime/base/result.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct ArtifactEntry {
  std::string name;
  std::string storage_type;  // `s3`, `link`, `reference` or `error`
  std::string content_type;
  std::int64_t size = -1;  // bytes; -1 unknown
  Instant expires;
  std::string json;  // the API's own form
};

/// Why an error artifact has no contents.
struct ArtifactFault {
  std::string reason;  // for programs
  std::string message;
};

/// That of an error artifact of a run, or of the latest one; nothing if the name leads to contents,
/// or may not be followed. Any other refused call is thrown as a kj::Exception.
std::optional<ArtifactFault> ask_fault(Session& session,
                                       const std::string& task_id,
                                       std::optional<std::uint32_t> run,
                                       const std::string& name);

/// `REASON: MESSAGE`, in a line.
std::string fault_text(const ArtifactFault& fault);

/// The same with the name in front: such an artifact cannot be had.
Error not_made(const std::string& name, const ArtifactFault& fault);

/// All artifacts of a run, or of the latest one.
std::vector<ArtifactEntry> list_artifacts(Session& session,
                                          const std::string& task_id,
                                          std::optional<std::uint32_t> run);

/// What is said of a run, or of the latest one, without artifacts: and which earlier run has some.
std::string no_artifacts_text(Session& session,
                              const std::string& task_id,
                              std::optional<std::uint32_t> run);

}  // namespace troupe::cli
