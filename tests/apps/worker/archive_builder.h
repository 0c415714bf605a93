// Makes archives for tests, hostile ones included.
#pragma once

#include "apps/troupe/worker/payload.h"

#include <string>
#include <vector>

namespace troupe::worker::test {

struct ArchiveEntry {
  enum class Kind { file, directory, symbolic_link, hard_link, fifo };
  std::string path;
  Kind kind = Kind::file;
  std::string content = {};  // the bytes, or what the link points at
  unsigned mode = 0644;
};

/// Writes an archive in one of the archive formats, or one compressed file (the first entry's
/// bytes).
void make_archive(const std::string& path,
                  Packing packing,
                  const std::vector<ArchiveEntry>& entries);

}  // namespace troupe::worker::test
