// The platform that a benchmark measures: the real server, in a process of its own, and a client's
// connection to it.
#pragma once

#include "apps/troupe/client/client.h"
#include "runtime/base/time.h"
#include "runtime/process/child.h"

#include <kj/async-io.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::bench {

/// Ends the benchmark, which says why: throws.
[[noreturn]] void fail(const std::string& why);

/// What a benchmark's `main` returns: 1 if it failed, after it has said why on standard error, and
/// has stopped and removed what it started.
int run_main(void (*benchmark)()) noexcept;

/// A number from the environment, for smaller tries.
std::size_t number_from_environment(const char* name, std::size_t usual);

/// A program that runs, and the first line that it printed; empty if it printed none.
struct Started {
  ProcessIdentity process;
  std::string line;
};

/// Returns once the line is there. `stdin_fd` is borrowed; -1: it reads nothing.
Started start_program(const std::vector<std::string>& arguments, int stdin_fd = -1);

/// Processor time of all threads of a process that live.
double cpu_seconds_of(pid_t pid);

/// A folder below the current one, deleted at the end.
class Folder {
 public:
  explicit Folder(const std::string& name);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What a process takes, in MiB: memory of its own, and pages of files that it has mapped.
struct Memory {
  double anonymous = 0;
  double file = 0;
};

/// `troupe up` without workers.
class Platform {
 public:
  /// Returns once /readyz says yes. Borrows `io`.
  Platform(kj::AsyncIoContext& io, std::string data_dir);
  /// Stops it and waits for its end.
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  /// From the start of the process.
  double ready_seconds() const { return ready_seconds_; }

  Memory memory() const;

  double cpu_seconds() const { return cpu_seconds_of(process_.pid); }

  /// `host:port`.
  const std::string& http_address() const { return http_; }

  /// The operator's.
  client::Target credentials() const;

  /// A figure of /metrics, summed over its labels; 0 if there is none of it yet.
  double metric(const std::string& name);

  std::unique_ptr<client::Connection> connect();

 private:
  kj::AsyncIoContext& io_;
  const std::string data_dir_;
  ProcessIdentity process_;
  std::string http_;  // address
  double ready_seconds_ = 0;
};

/// What one task is to be.
struct TaskPlan {
  std::string queue;
  std::string group;
  std::vector<std::string> needs = {};
  Instant created;
  Instant deadline;
};

void fill_definition(const TaskPlan& plan, schema::TaskDefinition::Builder definition);

/// A definition made now that is good for a day.
TaskPlan plan_for(std::string queue, std::string group);

kj::Promise<void> create_task(schema::Queue::Client queue,
                              const std::string& id,
                              const TaskPlan& plan);

/// Claims the first run of a task by name.
kj::Promise<schema::Claim::Client> claim_task(client::Connection& connection,
                                              const std::string& id,
                                              const std::string& worker);

/// Runs in `queue` that wait for a worker, as the platform counts them.
kj::Promise<std::size_t> count_pending(schema::Troupe::Client troupe, std::string queue);

/// Does `step(i)` for each i below `count`, so many at a time.
kj::Promise<void> each(std::size_t count,
                       std::size_t at_a_time,
                       const std::function<kj::Promise<void>(std::size_t)>& step);

}  // namespace troupe::bench
