// What `up`, `down` and `config` share: which data directory is meant, and the flags that the
// table of configuration keys asks for.
#pragma once

#include "apps/troupe/cli/command.h"

#include <map>
#include <string>

namespace troupe::cli {

/// The data directory for a start: `--data`, else TROUPE_DATA, else `./troupe-data`.
std::string own_data_dir(const GlobalOptions& global);

/// The data directory of what may run: as above, but `./troupe-data` is also looked for in the
/// parent folders, and then comes `/var/lib/troupe`.
std::string running_data_dir(const GlobalOptions& global);

/// Adds a flag for each key that has one; what was given is put into `values`, by the key's name.
/// `values` is borrowed until the command line has been parsed.
void add_config_flags(CLI::App& command, std::map<std::string, std::string>& values);

}  // namespace troupe::cli
