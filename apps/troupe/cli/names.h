// How people name a task or a group: its id, a unique prefix of 4 characters or more, `last`, or
// `GROUP/NAME`; and the file that remembers what `last` is.
#pragma once

#include "runtime/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

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

/// Makes `id` what `last` means. Failure is silent: the command has done its work.
void remember_last(NameKind kind, std::string_view id);
void remember_last(const std::string& file, NameKind kind, std::string_view id);

struct LastMade {
  NameKind kind = NameKind::task;
  std::string id;
};

/// The newest of `kind`; nothing if there is none yet.
std::optional<std::string> last_id(NameKind kind);
std::optional<std::string> last_id(const std::string& file, NameKind kind);

/// The newest of either kind.
std::optional<LastMade> last_made();
std::optional<LastMade> last_made(const std::string& file);

}  // namespace troupe::cli
