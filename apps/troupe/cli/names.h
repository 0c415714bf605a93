// How people name a task or a group: its id, a unique prefix of 4 characters or more, `last`, or
// `GROUP/NAME`; and the file that remembers what `last` is.
#pragma once

#include "runtime/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::cli {

enum class NameKind { task, group };

struct Id {
  std::string value;
};
struct IdPrefix {
  std::string value;
};
struct Last {};

/// A name as it was written, before anybody was asked.
struct ParsedName {
  std::variant<Id, IdPrefix, Last> base;  // of the task, or of the group if `member` is given
  std::optional<std::string> member;      // NAME of `GROUP/NAME`
};

/// Fails with `invalid` if `text` cannot name a `kind`; the text says what can.
Result<ParsedName> parse_name(std::string_view text, NameKind kind);

/// Where `last` is kept: `$XDG_STATE_HOME/troupe/last`, else `~/.config/troupe/last`; empty if
/// there is no home.
std::string last_file();

/// Makes `id` what `last` means on `platform` (see `client::Target`). Those of other platforms
/// stay, the latest 100 of them. Failure is a note on standard error: the command has done its
/// work.
void remember_last(const std::string& platform, NameKind kind, std::string_view id);

/// The same for a task, and for the group that was made with it; empty: none was.
void remember_task(const std::string& platform,
                   std::string_view task_id,
                   std::string_view group_id);

/// The same in that file. Fails with `unavailable`, saying why the file cannot be written.
Status remember_last(const std::string& file,
                     const std::string& platform,
                     NameKind kind,
                     std::string_view id);

struct LastMade {
  NameKind kind = NameKind::task;
  std::string id;
  std::string platform;
};

/// What was made, for each platform at most one of each kind, the newest first. One platform has
/// several names where it is reached in several ways.
std::vector<LastMade> last_made();
std::vector<LastMade> last_made(const std::string& file);

}  // namespace troupe::cli
