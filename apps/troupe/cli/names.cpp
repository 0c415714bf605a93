#include "apps/troupe/cli/names.h"

#include "apps/troupe/cli/output.h"
#include "runtime/base/random.h"

#include <kj/io.h>

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t prefix_min = 4;
constexpr std::size_t id_length = 22;
constexpr std::size_t lines_max = 200;  // of the file: two for each platform

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value == nullptr ? std::string() : std::string(value);
}

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

const char* word(NameKind kind) {
  return kind == NameKind::task ? "task" : "group";
}

// Newest first. `KIND ID PLATFORM` a line; others are passed over.
std::vector<LastMade> read_last(const std::string& file) {
  std::vector<LastMade> lines;
  std::ifstream in(file);
  std::string line;
  while (lines.size() < lines_max && std::getline(in, line)) {
    for (const NameKind kind : {NameKind::task, NameKind::group}) {
      const std::string start = std::string(word(kind)) + " ";
      if (!line.starts_with(start)) continue;
      const std::string id = line.substr(start.size(), id_length);
      const std::size_t end = start.size() + id.size();
      if (!is_slugid(id) || end + 1 >= line.size() || line[end] != ' ') continue;
      lines.push_back({kind, id, line.substr(end + 1)});
    }
  }
  return lines;
}

// Whole or not at all.
std::error_code write_last(const std::string& file, const std::vector<LastMade>& lines) {
  std::error_code error;
  const std::string fresh = file + "." + new_slugid();
  {
    errno = 0;
    std::ofstream out(fresh, std::ios::trunc);
    for (const LastMade& one : lines) {
      out << word(one.kind) << ' ' << one.id << ' ' << one.platform << '\n';
    }
    out.flush();
    if (!out) error.assign(errno == 0 ? EIO : errno, std::generic_category());
  }
  if (!error) fs::rename(fresh, file, error);
  std::error_code ignored;
  if (error) fs::remove(fresh, ignored);
  return error;
}

Result<ParsedName> parse_base(std::string_view base, std::string_view text, NameKind kind) {
  if (base == "last") return ParsedName{Last{}, std::nullopt};
  if (is_slugid(base)) return ParsedName{Id{std::string(base)}, std::nullopt};
  if (!std::all_of(base.begin(), base.end(), is_id_character) || base.size() > id_length ||
      base.empty()) {
    return Error{Errc::invalid, "\"" + std::string(text) + "\" does not name a " + word(kind) +
                                    ": give its id, a unique prefix of it, `last`" +
                                    (kind == NameKind::task ? " or GROUP/NAME" : "")};
  }
  if (base.size() == id_length) {
    return Error{Errc::invalid,
                 "\"" + std::string(base) + "\" is not a valid id: check its letters"};
  }
  if (base.size() < prefix_min) {
    return Error{Errc::invalid, "\"" + std::string(base) +
                                    "\" is too short for a prefix of an id: give 4 "
                                    "characters or more"};
  }
  return ParsedName{IdPrefix{std::string(base)}, std::nullopt};
}

}  // namespace

Result<ParsedName> parse_name(std::string_view text, NameKind kind) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_base(text, text, kind);
  if (kind == NameKind::group) {
    return Error{Errc::invalid, "\"" + std::string(text) +
                                    "\" names a task, but a group is wanted: leave out " +
                                    std::string(text.substr(slash))};
  }
  Result<ParsedName> group = parse_base(text.substr(0, slash), text, kind);
  if (!group.ok()) return group;
  if (slash + 1 == text.size()) {
    return Error{Errc::invalid, "\"" + std::string(text) + "\": no task's name after the slash"};
  }
  group.value().member = std::string(text.substr(slash + 1));
  return group;
}

std::string last_file() {
  if (const std::string state = variable("XDG_STATE_HOME"); !state.empty()) {
    return state + "/troupe/last";
  }
  const std::string home = variable("HOME");
  return home.empty() ? std::string() : home + "/.config/troupe/last";
}

void remember_last(const std::string& platform, NameKind kind, std::string_view id) {
  const std::string file = last_file();
  const Status kept = remember_last(file, platform, kind, id);
  if (!kept.ok())
    print_note("`last` will not mean this " + std::string(word(kind)) + ": " + kept.error().detail);
}

void remember_task(const std::string& platform,
                   std::string_view task_id,
                   std::string_view group_id) {
  const std::string file = last_file();
  // The task last: it is what `last` means where either may stand.
  Status kept = Done{};
  if (!group_id.empty()) kept = remember_last(file, platform, NameKind::group, group_id);
  if (kept.ok()) kept = remember_last(file, platform, NameKind::task, task_id);
  if (!kept.ok()) print_note("`last` will not mean this task: " + kept.error().detail);
}

Status remember_last(const std::string& file,
                     const std::string& platform,
                     NameKind kind,
                     std::string_view id) {
  if (file.empty()) {
    return Error{Errc::unavailable, "neither XDG_STATE_HOME nor HOME says where to keep it"};
  }
  const bool one_line = platform.find('\n') == std::string::npos;
  if (platform.empty() || !one_line) {
    return Error{Errc::unavailable, "the platform's name is not one line"};
  }
  const fs::path folder = fs::path(file).parent_path();
  std::error_code error;
  const bool created = fs::create_directories(folder, error);
  if (error) {
    return Error{Errc::unavailable, "cannot make " + folder.string() + ": " + error.message()};
  }
  // Credentials are kept here as well: nobody else looks inside.
  if (created) fs::permissions(folder, fs::perms::owner_all, error);

  // Two commands may end at once, on two platforms: neither forgets what the other has written.
  const kj::AutoCloseFd lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() >= 0) static_cast<void>(flock(lock.get(), LOCK_EX));
  std::vector<LastMade> lines = read_last(file);
  std::erase_if(lines, [kind, &platform](const LastMade& one) {
    return one.kind == kind && one.platform == platform;
  });
  lines.insert(lines.begin(), LastMade{kind, std::string(id), platform});
  if (lines.size() > lines_max) lines.resize(lines_max);
  if (const std::error_code failure = write_last(file, lines)) {
    return Error{Errc::unavailable, "cannot write " + file + ": " + failure.message()};
  }
  return Done{};
}

std::vector<LastMade> last_made() {
  return last_made(last_file());
}

std::vector<LastMade> last_made(const std::string& file) {
  return read_last(file);
}

}  // namespace troupe::cli
