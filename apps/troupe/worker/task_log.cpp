#include "apps/troupe/worker/task_log.h"

#include <fmt/format.h>

#include <fcntl.h>

#include <algorithm>

namespace troupe::worker {

Result<TaskLog> TaskLog::create(const std::string& path,
                                std::uint64_t bytes_max,
                                const Clock& clock) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) return errno_error(path);
  return TaskLog(std::move(fd), bytes_max, clock);
}

std::string TaskLog::time() const {
  return format_time(clock_.wall_now());
}

void TaskLog::info(std::string_view text) {
  lines("[taskcluster " + time() + "] ", text);
}
void TaskLog::warn(std::string_view text) {
  lines("[taskcluster:warn " + time() + "] ", text);
}
void TaskLog::error(std::string_view text) {
  lines("[taskcluster:error] ", text);
}

void TaskLog::lines(const std::string& prefix, std::string_view text) {
  // Output that ended in the middle of a line must not swallow our prefix.
  std::string block = at_line_start_ ? "" : "\n";
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (;;) {
    const auto end = text.find('\n');
    block += prefix;
    block += text.substr(0, end);
    block += '\n';
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  append_bytes(block);
}

void TaskLog::output(std::string_view bytes) {
  if (cut_) return;
  const std::uint64_t room = bytes_max_ > size_ ? bytes_max_ - size_ : 0;
  if (bytes.size() <= room) return append_bytes(bytes);
  cut_ = true;
  append_bytes(bytes.substr(0, static_cast<std::size_t>(room)));
  warn(
      fmt::format("The log was cut here: it reached the limit of {} bytes. "
                  "What the task prints from now on is dropped.",
                  bytes_max_));
}

void TaskLog::append_bytes(std::string_view bytes) {
  if (bytes.empty() || failure_) return;
  const auto written = append(fd_.get(), bytes);
  if (!written.ok()) {
    failure_ = "cannot write the task's log: " + written.error().detail;
    return;
  }
  size_ += bytes.size();
  at_line_start_ = bytes.back() == '\n';
  if (on_growth_) on_growth_();
}

std::string shell_quoted(const std::vector<std::string>& argv) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=,@%+";
  std::string out;
  for (const auto& argument : argv) {
    if (!out.empty()) out += ' ';
    if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) {
      out += argument;
      continue;
    }
    out += '\'';
    for (const char c : argument) {
      if (c == '\'') {
        out += "'\\''";
      } else {
        out += c;
      }
    }
    out += '\'';
  }
  return out;
}

}  // namespace troupe::worker
