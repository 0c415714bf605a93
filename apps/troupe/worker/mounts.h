// Brings a task's mounts into its folder before the commands, and its caches back after them.
// Source: spec/generic-worker.md, section 8.
#pragma once

#include "apps/troupe/worker/claim_slot.h"
#include "apps/troupe/worker/download_cache.h"
#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/payload.h"
#include "apps/troupe/worker/stop_signal.h"
#include "apps/troupe/worker/task_log.h"
#include "apps/troupe/worker/verdict.h"
#include "apps/troupe/worker/workshop.h"

#include <kj/async.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

class Mounts {
 public:
  /// Everything is borrowed but `root`, the task's folder, open.
  struct Parts {
    Workshop& shop;
    ClaimSlot& slot;
    TaskLog& log;
    StopSignal& stop;
    const std::vector<Mount>& mounts;
    std::shared_ptr<const Fd> root;
  };

  explicit Mounts(Parts parts) : parts_(std::move(parts)) {}

  /// In the payload's order. A verdict if one did not succeed; those before it stay.
  kj::Promise<std::optional<Verdict>> mount_all();

  /// Moves the caches back into the pool, or deletes them with the task if not `keep`.
  void give_back(bool keep);

 private:
  kj::Promise<std::optional<Verdict>> mount_from(std::size_t index);
  kj::Promise<Status> mount(const Mount& mount);
  kj::Promise<Status> mount_cache(const Mount& mount);
  kj::Promise<Status> fill(const Mount& mount);
  kj::Promise<Status> fill_inline(const Mount& mount, const InlineContent& content);
  kj::Promise<Status> fill_artifact(const Mount& mount, const ArtifactContent& content);
  kj::Promise<Status> place(const Mount& mount, DownloadCache::Pin pin);
  kj::Promise<Status> unpack_later(const Mount& mount, std::string source);
  void remove_later(const std::string& path);
  void info(const std::string& text);

  Parts parts_;
  std::vector<const Mount*> caches_;  // those that are in the task's folder
};

}  // namespace troupe::worker
