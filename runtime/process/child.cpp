#include "runtime/process/child.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

namespace troupe {

namespace {

/// posix_spawn's two parameter objects, with their ends.
class SpawnSetup {
 public:
  SpawnSetup() {
    TROUPE_ENSURES(posix_spawn_file_actions_init(&actions) == 0);
    TROUPE_ENSURES(posix_spawnattr_init(&attributes) == 0);
  }
  ~SpawnSetup() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    for (const int fd : copies_) {
      if (fd >= 0) close(fd);
    }
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  /// Puts `fd`, or /dev/null, at descriptor `target` of the child. The errno, or 0.
  int place(int fd, int target) {
    if (fd < 0) {
      return posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0);
    }
    // Through a copy above 2: the given ones may be each other's targets.
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return errno;
    copies_[static_cast<std::size_t>(target)] = copy;
    return posix_spawn_file_actions_adddup2(&actions, copy, target);
  }

  /// A session of its own and no signal blocked or ignored.
  int set_attributes() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    constexpr short flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (const int code = posix_spawnattr_setflags(&attributes, flags)) return code;
    if (const int code = posix_spawnattr_setsigmask(&attributes, &none)) return code;
    return posix_spawnattr_setsigdefault(&attributes, &all);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

 private:
  std::array<int, 3> copies_ = {-1, -1, -1};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

Error spawn_error(const ChildOptions& options, int code) {
  std::string detail = "start " + options.arguments.front();
  if (!options.working_dir.empty()) detail += " in " + options.working_dir;
  detail += ": " + std::generic_category().message(code);
  switch (code) {
    case ENOENT:
    case ENOTDIR: return {Errc::not_found, detail};
    case EACCES:
    case EPERM: return {Errc::forbidden, detail};
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE: return {Errc::busy, detail + "; try again when the machine is less busy"};
    default: return {Errc::invalid, detail};
  }
}

/// The words of /proc/PID/stat after the command's name, which may hold spaces and brackets.
std::optional<std::string> stat_words(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto bracket = text.rfind(')');
  if (bracket == std::string::npos || bracket + 2 >= text.size()) return std::nullopt;
  return text.substr(bracket + 2);
}

/// The start time of a process in any state, a zombie included.
std::optional<std::uint64_t> start_time_of(std::string_view words) {
  // The state is field 3 of the file, the start time field 22.
  constexpr int fields_between = 22 - 3;
  for (int i = 0; i < fields_between; ++i) {
    const auto space = words.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    words.remove_prefix(space + 1);
  }
  std::uint64_t value = 0;
  const auto end = words.data() + words.size();
  if (std::from_chars(words.data(), end, value).ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

Result<ProcessIdentity> spawn(const ChildOptions& options) {
  TROUPE_EXPECTS(!options.arguments.empty());
  SpawnSetup setup;
  const std::array<int, 3> given = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  for (int target = 0; target < 3; ++target) {
    if (const int code = setup.place(given[static_cast<std::size_t>(target)], target)) {
      return spawn_error(options, code);
    }
  }
  if (const int code = posix_spawn_file_actions_addclosefrom_np(&setup.actions, 3)) {
    return spawn_error(options, code);
  }
  if (!options.working_dir.empty()) {
    const int code =
        posix_spawn_file_actions_addchdir_np(&setup.actions, options.working_dir.c_str());
    if (code != 0) return spawn_error(options, code);
  }
  if (const int code = setup.set_attributes()) return spawn_error(options, code);

  const auto arguments = pointers(options.arguments);
  const auto environment = pointers(options.environment);
  ProcessIdentity child;
  const int code = posix_spawnp(&child.pid, arguments[0], &setup.actions, &setup.attributes,
                                arguments.data(), environment.data());
  if (code != 0) return spawn_error(options, code);

  // Until it is reaped the entry in /proc stays, so a child that has ended already is found too.
  const auto words = stat_words(child.pid);
  if (words) child.start_time = start_time_of(*words).value_or(0);
  return child;
}

std::optional<ProcessIdentity> identify(pid_t pid) {
  const auto words = stat_words(pid);
  if (!words) return std::nullopt;
  const char state = words->front();
  if (state == 'Z' || state == 'X') return std::nullopt;
  const auto start_time = start_time_of(*words);
  if (!start_time) return std::nullopt;
  return ProcessIdentity{pid, *start_time};
}

bool is_alive(const ProcessIdentity& process) {
  return identify(process.pid) == process;
}

std::optional<ExitStatus> try_reap(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  if (WIFSIGNALED(status)) return ExitStatus{0, WTERMSIG(status)};
  return ExitStatus{WEXITSTATUS(status), 0};
}

}  // namespace troupe
