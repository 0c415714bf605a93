// Artifacts to files.
#pragma once

#include "apps/troupe/cli/command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct DownloadOptions {
  std::string task;
  std::vector<std::string> names;  // none: all; `public/` may be left out
  std::string directory = ".";
  std::optional<std::uint32_t> run;  // none: the latest
};

/// Downloads to `directory/NAME`. A file appears whole, its hash checked, or not at all; a lost
/// connection is dialled again and the download goes on where it was. Standard output gets the
/// files' paths; where an artifact is that is kept elsewhere is a remark, or the error of one that
/// was named.
int task_download(const GlobalOptions& global, const DownloadOptions& options);

/// Where an artifact's file goes, below `directory`.
/// Fails with `invalid` if the name leads out of it, or to no file.
Result<std::string> download_path(const std::string& directory, const std::string& name);

}  // namespace troupe::cli
