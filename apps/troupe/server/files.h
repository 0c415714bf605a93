// Small files that must never be seen half written.
#pragma once

#include "runtime/base/result.h"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace troupe::server {

/// The whole file, at most 1 MiB.
///
/// Errors: `not_found` there is none; `forbidden` it may not be read; `invalid` it is a folder or
/// too large; `unavailable` the disk failed. The text names the file.
Result<std::string> read_file(const std::string& path);

/// Replaces `path` by `contents`, on disk when it returns: after a crash either the old file or the
/// new one is there, whole. `mode` as in chmod.
///
/// Errors: `unavailable` with the reason (no space, no permission, read-only file system).
Status write_file(const std::string& path, std::string_view contents, mode_t mode);

/// Makes `path` and what is missing above it; the last with mode 0700 if it is new.
///
/// Errors: `invalid` no folder can be there; `forbidden` we may not make one; `unavailable` the
/// disk failed or is full.
Status make_private_dir(const std::string& path);

/// The reason behind errno, with what was tried in front: `write a/b: No space left on device`.
std::string reason(const std::string& what, int code);

}  // namespace troupe::server
