// A folder's files as Git sees them, in one archive.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::cli {

/// An open file without a name; closed and gone with *this.
class PackedFiles {
 public:
  PackedFiles(int descriptor, Sha256 sha256, std::uint64_t size_bytes, std::size_t file_count)
      : descriptor_(descriptor), sha256_(sha256), size_bytes_(size_bytes), files_(file_count) {}
  ~PackedFiles();
  PackedFiles(PackedFiles&& other) noexcept;
  PackedFiles& operator=(PackedFiles&&) = delete;

  int descriptor() const { return descriptor_; }
  const Sha256& sha256() const { return sha256_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  std::size_t file_count() const { return files_; }

 private:
  int descriptor_;
  Sha256 sha256_;
  std::uint64_t size_bytes_;
  std::size_t files_;
};

/// Paths below `directory`, relative to it and sorted: what Git tracks and still exists, and what
/// it does not track and does not ignore. Submodules and other repositories inside are left out.
/// Fails with `invalid` if `directory` is not in a Git working tree.
Result<std::vector<std::string>> list_git_files(const std::string& directory);

/// These files as tar.zst. The same files give the same bytes.
Result<PackedFiles> pack_directory(const std::string& directory);

}  // namespace troupe::cli
