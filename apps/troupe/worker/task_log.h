// The log of one run, in a local file. Everything is written here first and streamed to the server
// from here, so that a lost connection loses nothing.
// Source of the format: spec/generic-worker.md, section 7.0.
#pragma once

#include "apps/troupe/worker/files.h"
#include "runtime/base/result.h"
#include "runtime/clock/clock.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::worker {

class TaskLog {
 public:
  /// Starts an empty log at `path`. `bytes_max` bounds what commands may add; the worker's own
  /// lines come on top. Borrows the clock.
  static Result<TaskLog> create(const std::string& path,
                                std::uint64_t bytes_max,
                                const Clock& clock);

  /// `[taskcluster TIME] text`, each line of the text with its own prefix.
  void info(std::string_view text);
  /// `[taskcluster:warn TIME] text`.
  void warn(std::string_view text);
  /// `[taskcluster:error] text`.
  void error(std::string_view text);
  /// What a command printed, as it is. Past the limit it is dropped, and a warning says so once.
  void output(std::string_view bytes);

  std::uint64_t size() const { return size_; }
  int fd() const { return fd_.get(); }
  /// Why a part of the log could not be written, if so.
  const std::optional<std::string>& failure() const { return failure_; }
  /// Called after each growth.
  void on_growth(std::function<void()> f) { on_growth_ = std::move(f); }

 private:
  TaskLog(Fd fd, std::uint64_t bytes_max, const Clock& clock)
      : fd_(std::move(fd)), bytes_max_(bytes_max), clock_(clock) {}

  void lines(const std::string& prefix, std::string_view text);
  void append_bytes(std::string_view bytes);
  std::string time() const;

  Fd fd_;
  const std::uint64_t bytes_max_;
  const Clock& clock_;
  std::uint64_t size_ = 0;
  bool at_line_start_ = true;
  bool cut_ = false;
  std::optional<std::string> failure_;
  std::function<void()> on_growth_;
};

/// The arguments as one line for a shell: quoted where they must be.
std::string shell_quoted(const std::vector<std::string>& argv);

}  // namespace troupe::worker
