// Shell completion, made from the tree of commands itself.
#pragma once

#include "runtime/base/result.h"

#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 names it so
class App;
}

namespace troupe::cli {

/// The script for `bash`, `zsh` or `fish`, to be evaluated by that shell.
/// Fails with `invalid` for another shell.
Result<std::string> completion_script(const CLI::App& root, const std::string& shell);

}  // namespace troupe::cli
