// Writable caches: folders with a name that tasks share one after the other. An instance is moved
// into a task's folder while the task has it, so two tasks never share one at a time. Source:
// spec/generic-worker.md, section 8.1.
#pragma once

#include "runtime/base/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

class CachePool {
 public:
  /// Finds the idle instances below `directory`. At most `idle_max` are kept of each name.
  CachePool(std::string directory, std::size_t idle_max);

  /// Moves the instance of `name` that was used last to `target`, which must not exist, in the open
  /// directory `parent`. False: there was none.
  Result<bool> take(const std::string& name, int parent, const std::string& target);

  /// Moves a used instance back. What is no longer a directory is refused with `invalid`.
  /// Returns the folders that are now too many: the caller deletes them.
  Result<std::vector<std::string>> give_back(const std::string& name,
                                             int parent,
                                             const std::string& source);

  /// The idle instance that was used longest ago, no longer part of the pool: the caller deletes
  /// it.
  std::optional<std::string> evict_oldest();

 private:
  struct Instance {
    std::string folder;
    std::string path;
  };

  std::string folder_of(const std::string& name) const;

  const std::string directory_;
  const std::size_t idle_max_;
  std::vector<Instance> idle_;  // the last was used last
};

}  // namespace troupe::worker
