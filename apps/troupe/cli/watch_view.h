// How a watched group is shown: a live table, plain lines, or JSON.
#pragma once

#include "apps/troupe/cli/watch_state.h"
#include "runtime/base/time.h"

#include <memory>
#include <string>

namespace troupe::cli {

class WatchView {
 public:
  virtual ~WatchView() = default;

  /// A task is new, or its state has changed.
  virtual void changed(const WatchedGroup& group, const WatchedTask& task) = 0;
  /// Some time has passed; notes of tasks may have changed.
  virtual void tick(const WatchedGroup& group, Instant now) = 0;
  /// A remark for people, on standard error.
  virtual void note(const std::string& text) = 0;
  /// Nothing can run any more.
  virtual void finish(const WatchedGroup& group) = 0;
};

enum class WatchStyle { table, lines, json };

std::unique_ptr<WatchView> make_watch_view(WatchStyle style, const std::string& group_id);

/// `completed`, `exception (canceled)`: for people.
std::string state_text(const WatchedTask& task);

/// How long the last run took, or has taken; empty if it has not begun.
std::string run_time_text(const WatchedTask& task, Instant now);

/// The last words: what failed, what it blocks, and where to look. Lines, each ended.
std::string summary_text(const WatchedGroup& group, const std::string& group_id);

/// The rows of the live table, at most `height` lines of at most `width` characters.
std::string table_text(const WatchedGroup& group,
                       const std::string& group_id,
                       Instant now,
                       std::size_t width,
                       std::size_t height,
                       bool colour);

}  // namespace troupe::cli
