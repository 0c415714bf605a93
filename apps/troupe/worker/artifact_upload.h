// Sends a task's artifacts: the bytes by their hash, then the entry. A few at a time, in pieces,
// and gone on with from the server's offset after a lost connection.
#pragma once

#include "apps/troupe/worker/artifact_list.h"
#include "apps/troupe/worker/claim_slot.h"
#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/stop_signal.h"
#include "apps/troupe/worker/task_log.h"
#include "apps/troupe/worker/verdict.h"
#include "apps/troupe/worker/workshop.h"

#include <kj/async.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::worker {

class ArtifactUpload {
 public:
  static constexpr std::size_t parallel_max = 4;
  static constexpr std::size_t chunk_bytes_max = 256 * 1024;

  /// Everything is borrowed.
  struct Parts {
    Workshop& shop;
    ClaimSlot& slot;
    TaskLog& log;
    StopSignal& stop;
  };

  ArtifactUpload(Parts parts, std::vector<ArtifactItem> items)
      : parts_(parts), items_(std::move(items)) {}

  /// Sends all, whatever becomes of single ones; the verdict is that of the first that counts.
  kj::Promise<std::optional<Verdict>> run();

 private:
  kj::Promise<void> lane();
  kj::Promise<void> send(const ArtifactItem& item);
  kj::Promise<void> send_file(const ArtifactItem& item);
  kj::Promise<void> send_once(const ArtifactItem& item, const FileHash& hash);
  kj::Promise<void> send_bytes(const ArtifactItem& item, const FileHash& hash);
  kj::Promise<void> create(const ArtifactItem& item, const std::optional<FileHash>& hash);
  void note_error_artifact(const ArtifactItem& item);
  void note(const ArtifactItem& item, Verdict verdict);

  const Parts parts_;
  const std::vector<ArtifactItem> items_;
  std::size_t next_ = 0;
  // Equal files are sent once. By their hash, also when they have arrived.
  std::map<Sha256, kj::ForkedPromise<void>> sending_;
  FirstVerdict verdict_;
};

}  // namespace troupe::worker
