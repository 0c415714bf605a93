// What a group file leaves to its surroundings: where the file is, who runs it, from which source.
#pragma once

#include "runtime/base/result.h"

#include <string>
#include <string_view>

namespace troupe::cli {

/// The group file that `argument` means: itself (`-` too), its `troupe.yml` if it is a directory,
/// and if it is empty the `troupe.yml` here or in the nearest parent folder. Fails with `invalid`.
Result<std::string> find_group_file(const std::string& argument);

/// Git's `user.email` as seen from `directory`, else `user@host`.
std::string task_owner(const std::string& directory);

/// The URL of the Git remote that `directory` comes from, without credentials; `fallback` if there
/// is none that a task may name (`https://`, `http://`, `ssh://`, `git@`).
std::string task_source(const std::string& directory, const std::string& fallback);

/// The same rule for a URL in hand: empty if a task may not name it.
std::string public_source(std::string_view url);

}  // namespace troupe::cli
