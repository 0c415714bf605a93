// Why the tasks of a watched group do not run: what its own edges tell, and what the server is
// asked, so much a second however large the group is. No clock, no I/O.
#pragma once

#include "apps/troupe/cli/watch_state.h"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::cli {

/// What `explain` says of a task or group.
struct Reason {
  std::string code;     // empty: nothing is wrong
  std::string message;  // one line, with what would help
  std::string news;     // while this stays the same, the message is no news: times may change in it
};

/// What keeps a task waiting, as far as members of its group do.
struct BlockedBy {
  std::string text;      // `blocked by build (failed), lint`; empty: no member does
  bool failure = false;  // a failure is behind it, through others too: it waits in vain
};
BlockedBy blocked_by(const WatchedGroup& group, const WatchedTask& task);

/// Whether a member of its group keeps the task waiting.
bool is_blocked_within(const WatchedGroup& group, const WatchedTask& task);

/// The words beside a task that does not run, or not well; empty if there are none.
std::string why_text(const WatchedGroup& group, const WatchedTask& task);

/// Chooses what to ask the server about.
class Questions {
 public:
  /// Explained at one look, at most; more take turns.
  static constexpr std::size_t asked_max = 8;

  /// Of each queue one task that waits for a worker, of each worker one that it runs, and what
  /// waits for nothing within the group.
  std::vector<std::string> next(const WatchedGroup& group);

 private:
  std::size_t turn_ = 0;
};

/// Notes what was said of one task, also with those that are in the same position. False if the
/// task has ended, or is gone.
bool note_reason(WatchedGroup& group, const std::string& task_id, const Reason& reason);

}  // namespace troupe::cli
