// The worker: dials out to the platform, is pushed claims, runs their tasks and reports.
//
//   run_worker -- WorkDir (lock, left-overs) -- Workshop (what all tasks share)
//        `- Session (connection, window) -- TaskRun (one claim) -- Guard process -- commands
//
// One KJ loop does everything but what blocks: hashing, unpacking and deleting go to a ThreadPool.
#pragma once

#include "runtime/base/time.h"
#include "runtime/process/child.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

/// What a worker needs to know. Empty texts were not given.
struct WorkerOptions {
  std::vector<std::string> rpc_addresses;  // tried in turn; none: what the credentials file names
  std::string credentials_file;            // read again before each attempt; or the two below
  std::string client_id;
  std::string access_token;
  std::string pool;  // `provisionerId/workerType`: the task queue it serves
  std::string worker_group = "local";
  std::string worker_id;
  std::uint32_t capacity = 1;  // tasks at once, 1..200
  // What its tasks may use up together: thousandths of processors (`cpu`), bytes (`memory`),
  // tokens. Nothing: it takes every task, whatever that asks for.
  std::optional<std::map<std::string, std::uint64_t>> resources = {};
  std::string work_dir;  // created if absent; one worker at a time
  std::string root_url;  // for tasks; empty: what the credentials file says
  Duration orphan_timeout = std::chrono::minutes{10};          // without a server, then it ends
  std::uint64_t max_log_bytes = std::uint64_t{1} << 30;        // a run's log is cut there
  std::uint64_t min_free_disk_bytes = std::uint64_t{5} << 30;  // below it no claims are taken
  std::uint64_t download_cache_bytes_max = std::uint64_t{10} << 30;
  std::string guard_program = "/proc/self/exe";  // dispatches `guard_argument` to `run_guard`
};

/// Runs a worker until SIGTERM or SIGINT, and returns the exit status: 0 stopped, or
/// `orphan_timeout` without a server; 1 the work directory cannot be used (another worker has it),
/// or another process has registered under the same name; 2 the options are wrong; 3 the
/// credentials were refused.
///
/// Needs a process without other threads: it captures signals first. Whoever calls it has
/// configured the logging.
int run_worker(const WorkerOptions& options);

/// The hidden first argument with which `guard_program` becomes a guard.
inline constexpr const char* guard_argument = "__task-guard";

/// The guard of one command: `main` calls it when its first argument is `guard_argument`, before
/// anything else. Returns the exit status.
int run_guard(int argc, char** argv);

/// A worker that lives in `work_dir`, if any: by its lock, and by the pid and start time that it
/// wrote to `work_dir/worker.pid` (`PID STARTTIME`, the latter as in /proc/PID/stat, field 22).
std::optional<ProcessIdentity> living_worker(const std::string& work_dir);

}  // namespace troupe::worker
