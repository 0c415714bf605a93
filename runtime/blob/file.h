// POSIX files with `Result`s: what the stores of this folder are written with. All calls block.
#pragma once

#include "runtime/base/result.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// An open file; closes it at the end.
class File {
 public:
  File() = default;
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

 private:
  int fd_ = -1;
  std::string path_;
};

/// What `stat` tells about a file.
struct FileFacts {
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::int64_t modified_ms = 0;  // since 1970
};

/// The Error for a failed system call: a full disk or quota is `unavailable` and says so, a missing
/// file `not_found`, too many open files `busy`, anything else `unavailable`.
Error io_error(std::string_view doing, const std::string& path, int code);

/// Opens with `flags` of open(2); new files get mode 0600, descriptors are never inherited.
Result<File> open_file(const std::string& path, int flags);

Result<FileFacts> facts_of(const File& file);
/// `not_found` if there is no such file.
Result<FileFacts> facts_of(const std::string& path);

/// How much of a write is there; fewer bytes than asked for only with an error in `status`.
struct Written {
  std::size_t bytes = 0;
  Status status = Done{};
};
Written write_at(const File& file, std::uint64_t offset, std::span<const std::uint8_t> bytes);

/// Fills `out` from `offset`; fewer bytes only at the end of the file.
Result<std::size_t> read_at(const File& file, std::uint64_t offset, std::span<std::uint8_t> out);

/// Cuts or extends the file.
Status resize_file(const File& file, std::uint64_t size);

/// Waits until the file's bytes and size are on disk.
Status sync_file(const File& file);

/// Waits until the names in a folder are on disk.
Status sync_folder(const std::string& path);

/// Makes a folder (0700) unless it exists; `created` tells whether its parent needs a sync.
struct FolderMade {
  bool created = false;
};
Result<FolderMade> make_folder(const std::string& path);

/// A second name for a file on the same file system; `conflict` if the name is taken.
Status link_file(const std::string& from, const std::string& to);

/// Gives a file another name in place of its own, and in place of a file of that name.
Status rename_file(const std::string& from, const std::string& to);

/// Makes the file's time of modification now. `not_found` if there is no such file.
Status touch_file(const std::string& path);

/// Removes a name; no error if there is none.
Status remove_file(const std::string& path);

}  // namespace troupe
