// The few things about files that the standard library does not do safely or at all.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace troupe::worker {

/// An open file descriptor, closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void close();

 private:
  int fd_ = -1;
};

/// `what: reason` for the current `errno`, as `code`.
Error errno_error(const std::string& what, Errc code = Errc::unavailable);

/// Writes all of `bytes` at `offset`, or fails.
Status write_at(int fd, std::uint64_t offset, std::span<const std::uint8_t> bytes);

/// Appends all of `bytes`, or fails.
Status append(int fd, std::string_view bytes);

/// Reads up to `room.size()` bytes at `offset`; fewer only at the end.
Result<std::size_t> read_at(int fd, std::uint64_t offset, std::span<std::uint8_t> room);

/// The whole of a small file; fails beyond `bytes_max`.
Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max = 65'536);

/// Sorts paths by the last change of what is there, the oldest first.
std::vector<std::string> oldest_first(const std::vector<std::string>& paths);

struct FileHash {
  Sha256 sha256{};
  std::uint64_t size = 0;
};

/// Hashes a file, in pieces; gives up with `unavailable` once `cancelled` is set.
Result<FileHash> hash_file(const std::string& path, const std::atomic<bool>& cancelled);

/// Deletes `path` and all below it, read-only directories included; no symbolic link is followed,
/// and no depth of nesting is too much. Absent is done.
Status remove_tree(const std::string& path);

/// Opens the directory `relative` below `root`, creating what is missing. No component may be `..`,
/// empty, absolute or a symbolic link; `.` is skipped.
Result<Fd> open_directory_below(int root, std::string_view relative);

/// Splits `a/b/c` into `a/b` and `c`; trailing slashes are dropped.
struct SplitPath {
  std::string parent;
  std::string name;
};
SplitPath split_path(std::string_view path);

/// Bytes that this user may still write where `path` is; 0 if unknown.
std::uint64_t free_bytes(const std::string& path);

}  // namespace troupe::worker
