#include "apps/troupe/cli/names.h"

#include "runtime/base/random.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t prefix_min = 4;
constexpr std::size_t id_length = 22;

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

// Newest first. The file is short: one line for each kind.
std::vector<LastMade> read_last(const std::string& file) {
  std::vector<LastMade> made;
  std::ifstream in(file);
  std::string line;
  while (made.size() < 2 && std::getline(in, line)) {
    const auto space = std::min(line.find(' '), line.size());
    const std::string kind = line.substr(0, space);
    const std::string id = line.substr(std::min(space + 1, line.size()));
    if (!is_slugid(id)) continue;
    if (kind == "task") made.push_back({NameKind::task, id});
    if (kind == "group") made.push_back({NameKind::group, id});
  }
  return made;
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

void remember_last(NameKind kind, std::string_view id) {
  remember_last(last_file(), kind, id);
}

void remember_last(const std::string& file, NameKind kind, std::string_view id) {
  if (file.empty()) return;
  std::vector<LastMade> made = read_last(file);
  std::erase_if(made, [kind](const LastMade& one) { return one.kind == kind; });
  made.insert(made.begin(), LastMade{kind, std::string(id)});

  const fs::path folder = fs::path(file).parent_path();
  std::error_code error;
  const bool created = fs::create_directories(folder, error);
  // Credentials are kept here as well: nobody else looks inside.
  if (created) fs::permissions(folder, fs::perms::owner_all, error);

  // Two commands may end at once: each writes a file of its own, the later name wins whole.
  const std::string fresh = file + "." + new_slugid();
  {
    std::ofstream out(fresh, std::ios::trunc);
    for (const LastMade& one : made) out << word(one.kind) << ' ' << one.id << '\n';
    out.flush();
    if (!out) {
      fs::remove(fresh, error);
      return;
    }
  }
  fs::rename(fresh, file, error);
  if (error) fs::remove(fresh, error);
}

std::optional<std::string> last_id(NameKind kind) {
  return last_id(last_file(), kind);
}

std::optional<std::string> last_id(const std::string& file, NameKind kind) {
  for (LastMade& one : read_last(file)) {
    if (one.kind == kind) return std::move(one.id);
  }
  return std::nullopt;
}

std::optional<LastMade> last_made() {
  return last_made(last_file());
}

std::optional<LastMade> last_made(const std::string& file) {
  std::vector<LastMade> made = read_last(file);
  if (made.empty()) return std::nullopt;
  return std::move(made.front());
}

}  // namespace troupe::cli
