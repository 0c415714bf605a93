#include "apps/troupe/worker/work_dir.h"

#include "apps/troupe/worker/process_tree.h"
#include "apps/troupe/worker/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <system_error>

namespace troupe::worker {
namespace {

namespace fs = std::filesystem;

// Short, since some tools limit the length of paths (of sockets, for one).
constexpr std::size_t task_prefix_size = 12;
// For one guard of a dead predecessor: SIGKILL takes effect in milliseconds.
constexpr int guard_end_ms = 5'000;

Status make_directory(const std::string& path, mode_t mode) {
  std::error_code failure;
  fs::create_directories(fs::path(path).parent_path(), failure);
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return errno_error(path);
  return Done{};
}

Status write_small_file(const std::string& path, const std::string& text) {
  // Written aside and renamed: a reader never sees half of it.
  const std::string aside = path + ".new";
  const Fd fd(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return errno_error(aside);
  auto written = append(fd.get(), text);
  if (!written.ok()) return Error{written.error().code, aside + ": " + written.error().detail};
  if (rename(aside.c_str(), path.c_str()) != 0) return errno_error(path);
  return Done{};
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

// Kills a guard that is still the process it was, after all that descends from it.
void end_guard(const ProcessIdentity& guard) {
  const Fd handle(static_cast<int>(syscall(SYS_pidfd_open, guard.pid, 0)));
  if (!handle.valid() || !is_alive(guard)) return;
  while (kill_descendants(guard.pid) > 0 && is_alive(guard)) {
    pollfd ended{handle.get(), POLLIN, 0};
    if (poll(&ended, 1, 1) > 0) return;
  }
  if (is_alive(guard)) kill(guard.pid, SIGKILL);
  pollfd ended{handle.get(), POLLIN, 0};
  poll(&ended, 1, guard_end_ms);
}

}  // namespace

Result<WorkDir> WorkDir::open(const std::string& path) {
  auto made = make_directory(path, 0700);
  if (!made.ok()) return made.error();
  std::error_code failure;
  const std::string whole = fs::canonical(path, failure).string();
  if (failure) return Error{Errc::unavailable, path + ": " + failure.message()};
  Fd lock(::open((whole + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return errno_error(whole + "/lock");
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Error{Errc::conflict,
                 whole + ": another worker runs here; give each its own --work-dir"};
  }
  WorkDir dir(whole, std::move(lock));
  for (auto step : {&WorkDir::make_folders, &WorkDir::write_pid_file}) {
    auto done = (dir.*step)();
    if (!done.ok()) return done.error();
  }
  dir.end_old_guards();
  auto cleared = dir.clear_tasks();
  if (!cleared.ok()) return cleared.error();
  return dir;
}

WorkDir::~WorkDir() {
  if (lock_.valid()) unlink((path_ + "/worker.pid").c_str());
}

Status WorkDir::make_folders() const {
  for (const char* name : {"tasks", "logs", "guards", "caches", "downloads"}) {
    auto made = make_directory(path_ + "/" + name, 0700);
    if (!made.ok()) return made;
  }
  return Done{};
}

Status WorkDir::write_pid_file() const {
  const auto self = identify(getpid());
  if (!self) return Error{Errc::unavailable, "/proc/self/stat: cannot be read; mount /proc"};
  return write_small_file(path_ + "/worker.pid", std::to_string(self->pid) + " " +
                                                     std::to_string(self->start_time) + "\n");
}

void WorkDir::end_old_guards() const {
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(path_ + "/guards", failure)) {
    const auto pid = parse_number<pid_t>(entry.path().filename().string());
    const auto text = read_small_file(entry.path().string());
    const auto started = text.ok() ? parse_number<std::uint64_t>(text.value()) : std::nullopt;
    if (pid && started) end_guard({*pid, *started});
    unlink(entry.path().c_str());
  }
}

Status WorkDir::clear_tasks() const {
  for (const char* name : {"/tasks", "/logs"}) {
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(path_ + name, failure)) {
      auto removed = remove_tree(entry.path().string());
      if (!removed.ok()) return removed;
    }
  }
  return Done{};
}

std::string WorkDir::log_path(const ClaimId& id) const {
  return path_ + "/logs/" + id.task_id + "_" + std::to_string(id.run_id) + "_" +
         std::to_string(id.token) + ".log";
}

Result<std::string> WorkDir::make_task_dir(const ClaimId& id) const {
  const std::string run = "_" + std::to_string(id.run_id);
  std::string path = tasks() + "/" + id.task_id.substr(0, task_prefix_size) + run;
  if (mkdir(path.c_str(), 0700) == 0) return path;
  if (errno != EEXIST) return errno_error(path);
  path = tasks() + "/" + id.task_id + run;
  auto removed = remove_tree(path);
  if (!removed.ok()) return removed.error();
  if (mkdir(path.c_str(), 0700) != 0) return errno_error(path);
  return path;
}

Status WorkDir::record_guard(pid_t pid) const {
  const auto guard = identify(pid);
  if (!guard) return Done{};  // it has ended already
  return write_small_file(path_ + "/guards/" + std::to_string(pid),
                          std::to_string(guard->start_time));
}

void WorkDir::forget_guard(pid_t pid) const {
  unlink((path_ + "/guards/" + std::to_string(pid)).c_str());
}

std::optional<ProcessIdentity> living_worker(const std::string& work_dir) {
  const Fd lock(open((work_dir + "/lock").c_str(), O_RDWR | O_CLOEXEC));
  // Whoever gets the lock sees that nobody lives here; closing gives it back.
  if (!lock.valid() || flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return std::nullopt;
  const auto text = read_small_file(work_dir + "/worker.pid");
  if (!text.ok()) return std::nullopt;
  const auto space = text.value().find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto pid = parse_number<pid_t>(text.value());
  const auto started =
      parse_number<std::uint64_t>(std::string_view(text.value()).substr(space + 1));
  if (!pid || !started) return std::nullopt;
  const ProcessIdentity worker{*pid, *started};
  if (!is_alive(worker)) return std::nullopt;
  return worker;
}

}  // namespace troupe::worker
