#include "apps/troupe/worker/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace troupe::worker {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() {
  return std::exchange(fd_, -1);
}

void Fd::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Error errno_error(const std::string& what, Errc code) {
  const int number = errno;
  std::array<char, 128> text{};
  return Error{code, what + ": " + strerror_r(number, text.data(), text.size())};
}

Status write_at(int fd, std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return Done{};
}

Status append(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return Done{};
}

Result<std::size_t> read_at(int fd, std::uint64_t offset, std::span<std::uint8_t> room) {
  std::size_t done = 0;
  while (done < room.size()) {
    const ssize_t n =
        pread(fd, room.data() + done, room.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_error("read");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<std::string> read_small_file(const std::string& path, std::size_t bytes_max) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error(path, errno == ENOENT ? Errc::not_found : Errc::unavailable);
  std::vector<std::uint8_t> room(bytes_max + 1);
  const auto size = read_at(fd.get(), 0, room);
  if (!size.ok()) return Error{size.error().code, path + ": " + size.error().detail};
  if (size.value() > bytes_max) return Error{Errc::too_large, path + ": larger than expected"};
  return std::string(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size.value()));
}

std::vector<std::string> oldest_first(const std::vector<std::string>& paths) {
  std::vector<std::pair<std::filesystem::file_time_type, std::string>> changed;
  for (const std::string& path : paths) {
    std::error_code failure;
    changed.emplace_back(std::filesystem::last_write_time(path, failure), path);
  }
  std::ranges::sort(changed);
  std::vector<std::string> sorted;
  for (auto& [time, path] : changed) sorted.push_back(std::move(path));
  return sorted;
}

Result<FileHash> hash_file(const std::string& path, const std::atomic<bool>& cancelled) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno_error(path);
  Sha256Stream hash;
  std::vector<std::uint8_t> room(256 * 1024);
  for (std::uint64_t offset = 0;;) {
    if (cancelled) return Error{Errc::unavailable, "cancelled"};
    const auto size = read_at(fd.get(), offset, room);
    if (!size.ok()) return Error{size.error().code, path + ": " + size.error().detail};
    if (size.value() == 0) return FileHash{hash.finish(), offset};
    hash.update(std::span(room).first(size.value()));
    offset += size.value();
  }
}

SplitPath split_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

Result<Fd> open_directory_below(int root, std::string_view relative) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const std::string whole(relative);
  if (relative.starts_with('/')) return Error{Errc::invalid, whole + ": an absolute path"};
  Fd current(openat(root, ".", flags));
  if (!current.valid()) return errno_error(whole);
  while (!relative.empty()) {
    const auto slash = relative.find('/');
    const std::string name(relative.substr(0, slash));
    relative.remove_prefix(slash == std::string_view::npos ? relative.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") return Error{Errc::invalid, whole + ": leaves its directory with `..`"};
    if (mkdirat(current.get(), name.c_str(), 0777) != 0 && errno != EEXIST) {
      return errno_error(whole);
    }
    Fd next(openat(current.get(), name.c_str(), flags));
    if (!next.valid()) {
      const bool wrong = errno == ELOOP || errno == ENOTDIR;
      if (wrong) return Error{Errc::invalid, whole + ": `" + name + "` is not a directory"};
      return errno_error(whole);
    }
    current = std::move(next);
  }
  return current;
}

std::uint64_t free_bytes(const std::string& path) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) return 0;
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

}  // namespace troupe::worker
