// Unpacking what a mount brings. Archives come from anywhere, so nothing in one may reach outside
// of its directory: absolute names, `..` and names that pass through a symbolic link end the
// extraction with an error. Devices and pipes are refused, set-user-id bits are dropped.
#pragma once

#include "apps/troupe/worker/payload.h"
#include "runtime/base/result.h"

#include <atomic>
#include <string>

namespace troupe::worker {

struct UnpackJob {
  std::string source;       // the archive or compressed file
  int root = -1;            // an open directory that bounds everything
  std::string destination;  // below it: a directory (created) for archives, else a file
  Packing packing = Packing::none;
};

/// Unpacks an archive, decompresses a file, or copies it (`none`). Blocks. Gives up with
/// `unavailable` once `cancelled` is set; `invalid` if the source is not what it should be.
Status unpack(const UnpackJob& job, const std::atomic<bool>& cancelled);

/// Creates the file `path` below `root` with `bytes`, replacing a file, never a directory.
Status write_file_below(int root, const std::string& path, std::string_view bytes);

}  // namespace troupe::worker
