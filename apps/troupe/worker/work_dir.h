// The worker's folder on disk.
//
//   lock         held with flock while a worker lives: two workers never share a folder
//   worker.pid   `PID STARTTIME` of that worker
//   tasks/       one folder for each running task, named by task and run
//   logs/        their logs, until the server has them
//   guards/      one file for each guard process, named by its pid, with its start time
//   caches/      writable caches while no task has them
//   downloads/   files by their SHA-256
#pragma once

#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/task_facts.h"
#include "runtime/base/result.h"

#include <sys/types.h>

#include <string>

namespace troupe::worker {

class WorkDir {
 public:
  /// Creates what is missing, takes the lock, and clears away what a dead predecessor left: its
  /// guards with all their processes, task folders, logs.
  /// Errors: `conflict` another worker has the folder; `unavailable` it cannot be written.
  static Result<WorkDir> open(const std::string& path);

  WorkDir(WorkDir&&) = default;
  WorkDir& operator=(WorkDir&&) = delete;
  /// Takes worker.pid away and gives the lock back.
  ~WorkDir();

  const std::string& path() const { return path_; }
  std::string tasks() const { return path_ + "/tasks"; }
  std::string downloads() const { return path_ + "/downloads"; }
  std::string caches() const { return path_ + "/caches"; }
  std::string log_path(const ClaimId& id) const;

  /// Makes the fresh folder of a run: `tasks/PREFIX_RUN`, with the whole task id where that is
  /// taken.
  Result<std::string> make_task_dir(const ClaimId& id) const;

  /// Remembers a guard, so that a successor can end it; and forgets it.
  Status record_guard(pid_t pid) const;
  void forget_guard(pid_t pid) const;

  /// Deletes the folders and logs of tasks.
  Status clear_tasks() const;

 private:
  WorkDir(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  Status make_folders() const;
  Status write_pid_file() const;
  void end_old_guards() const;

  std::string path_;  // absolute
  Fd lock_;
};

}  // namespace troupe::worker
