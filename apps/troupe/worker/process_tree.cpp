#include "apps/troupe/worker/process_tree.h"

#include "apps/troupe/worker/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace troupe::worker {
namespace {

struct ProcessStat {
  char state = 'Z';
  pid_t parent = 0;
};

// Field `n` of /proc/PID/stat, counted as in proc(5); fields 1 and 2 end with the last `)`.
std::string_view field(std::string_view after_name, int n) {
  for (int i = 3; i < n; ++i) {
    const auto space = after_name.find(' ');
    if (space == std::string_view::npos) return {};
    after_name.remove_prefix(space + 1);
  }
  return after_name.substr(0, after_name.find(' '));
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<ProcessStat> read_stat(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::array<char, 1024> room{};
  const ssize_t size = read(fd.get(), room.data(), room.size());
  if (size <= 0) return std::nullopt;
  std::string_view text(room.data(), static_cast<std::size_t>(size));
  const auto name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 2);
  return ProcessStat{.state = text.empty() ? 'Z' : text.front(),
                     .parent = number<pid_t>(field(text, 4))};
}

bool is_dead(const ProcessStat& stat) {
  return stat.state == 'Z' || stat.state == 'X';
}

}  // namespace

std::vector<pid_t> descendants(pid_t root) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return {};
  std::multimap<pid_t, pid_t> children;  // a zombie's children have moved on to a reaper
  while (const dirent* entry = readdir(proc.get())) {  // NOLINT: this stream has one reader
    const auto pid = number<pid_t>(entry->d_name);
    if (pid <= 0) continue;
    const auto stat = read_stat(pid);
    if (stat && !is_dead(*stat)) children.emplace(stat->parent, pid);
  }
  std::vector<pid_t> found;
  std::set<pid_t> seen{root};
  for (std::vector<pid_t> open{root}; !open.empty();) {
    const auto [begin, end] = children.equal_range(open.back());
    open.pop_back();
    for (auto it = begin; it != end; ++it) {
      if (!seen.insert(it->second).second) continue;
      found.push_back(it->second);
      open.push_back(it->second);
    }
  }
  return found;
}

std::size_t kill_descendants(pid_t root) {
  const auto first = descendants(root);
  for (const pid_t pid : first) kill(pid, SIGSTOP);
  // What was forked between the listing and the stop is in the second listing.
  const auto second = descendants(root);
  for (const pid_t pid : first) kill(pid, SIGKILL);
  for (const pid_t pid : second) kill(pid, SIGKILL);
  return second.size();
}

}  // namespace troupe::worker
