#include "runtime/store/reserve_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <limits>
#include <utility>

namespace troupe {
namespace {

// Whether the file is there with blocks for all of its bytes, not only a length.
bool is_allocated(const std::string& path, std::uint64_t bytes) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) == bytes &&
         static_cast<std::uint64_t>(info.st_blocks) * 512 >= bytes;
}

bool allocate(const std::string& path, std::uint64_t bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool done = posix_fallocate(fd, 0, static_cast<off_t>(bytes)) == 0;
  close(fd);
  if (!done) unlink(path.c_str());
  return done;
}

}  // namespace

ReserveFile::ReserveFile(std::string path, std::uint64_t bytes)
    : path_(std::move(path)), bytes_(bytes) {
  if (bytes_ == 0 || !is_allocated(path_, bytes_)) {
    unlink(path_.c_str());  // of another size, or cut short by a crash
  } else {
    held_ = true;
  }
}

bool ReserveFile::make_if_room() {
  const std::lock_guard lock(mutex_);
  if (held_ || bytes_ == 0 || disk_free_bytes(path_) / 2 < bytes_) return false;
  held_ = allocate(path_, bytes_);
  return held_;
}

bool ReserveFile::give_up() {
  const std::lock_guard lock(mutex_);
  if (!held_) return false;
  held_ = false;
  return unlink(path_.c_str()) == 0;
}

bool ReserveFile::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::uint64_t disk_free_bytes(const std::string& path) {
  const auto folder = path.substr(0, path.find_last_of('/') + 1);
  struct statvfs info {};
  // Where nobody can say, nothing is held to be short.
  if (statvfs(folder.c_str(), &info) != 0) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace troupe
