// Runs a task's commands one after the other, each under its guard, and writes their blocks of the
// log. Source: spec/generic-worker.md, sections 5.1 and 7.0.
#pragma once

#include "apps/troupe/worker/guarded_command.h"
#include "apps/troupe/worker/payload.h"
#include "apps/troupe/worker/task_log.h"
#include "apps/troupe/worker/verdict.h"
#include "apps/troupe/worker/workshop.h"

#include <kj/async.h>

#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

class CommandSeries {
 public:
  /// Everything is borrowed but the texts.
  struct Parts {
    Workshop& shop;
    TaskLog& log;
    const Payload& payload;
    std::string directory;
    std::vector<std::string> env;  // `NAME=value`
  };

  explicit CommandSeries(Parts parts) : parts_(std::move(parts)) {}

  /// Until the last command has ended, one has failed, or `maxRunTime` has passed; no process of
  /// theirs is left then. Once only.
  kj::Promise<std::optional<Verdict>> run();

  /// SIGTERM to the processes, SIGKILL to what is left after `grace_time`. No further command
  /// starts.
  void stop_gently();
  /// SIGKILL.
  void stop_now();

  /// Whether the caches may be kept: not after an abort or an exit code in `purgeCaches`.
  bool spoiled_caches() const { return aborted_ || purge_; }

  static constexpr kj::Duration grace_time = 3 * kj::SECONDS;

 private:
  kj::Promise<std::optional<Verdict>> run_from(std::size_t index);
  std::optional<Verdict> judge(std::size_t index, const GuardReport& report);
  void write_block(const GuardReport& report, bool succeeded);

  Parts parts_;
  kj::Maybe<kj::Own<GuardedCommand>> running_;
  kj::Promise<void> deadline_ = kj::NEVER_DONE;
  kj::Promise<void> grace_ = kj::NEVER_DONE;
  bool aborted_ = false;
  bool purge_ = false;
  std::optional<Verdict> abort_verdict_;
};

/// The environment of a task's commands: the fixed base, the payload's, then what is always ours.
/// Source: spec/generic-worker.md, section 6.1, multiuser.
std::vector<std::string> task_environment(const TaskFacts& task,
                                          const Payload& payload,
                                          const std::string& directory,
                                          const std::string& root_url);

}  // namespace troupe::worker
