#include "runtime/blob/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <utility>

namespace troupe {

namespace {

FileFacts facts_from(const struct stat& info) {
  return {.size = static_cast<std::uint64_t>(info.st_size),
          .inode = info.st_ino,
          .links = info.st_nlink,
          .modified_ms = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1000 +
                         info.st_mtim.tv_nsec / 1'000'000};
}

}  // namespace

File::~File() {
  if (fd_ >= 0) close(fd_);
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

Error io_error(std::string_view doing, const std::string& path, int code) {
  std::string detail{doing};
  detail += " " + path + ": " + std::generic_category().message(code);
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return {Errc::unavailable, detail + "; free some disk space"};
    case ENOENT: return {Errc::not_found, detail};
    case EEXIST: return {Errc::conflict, detail};
    case EMFILE:
    case ENFILE: return {Errc::busy, detail + "; raise the limit of open files"};
    default: return {Errc::unavailable, detail};
  }
}

Result<File> open_file(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return io_error("open", path, errno);
  return File(fd, path);
}

Result<FileFacts> facts_of(const File& file) {
  struct stat info {};
  if (fstat(file.fd(), &info) != 0) return io_error("stat", file.path(), errno);
  return facts_from(info);
}

Result<FileFacts> facts_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return io_error("stat", path, errno);
  return facts_from(info);
}

Written write_at(const File& file, std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  Written out;
  while (out.bytes < bytes.size()) {
    const auto rest = bytes.subspan(out.bytes);
    const auto n =
        pwrite(file.fd(), rest.data(), rest.size(), static_cast<off_t>(offset + out.bytes));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      out.status = io_error("write", file.path(), errno);
      return out;
    }
    out.bytes += static_cast<std::size_t>(n);
  }
  return out;
}

Result<std::size_t> read_at(const File& file, std::uint64_t offset, std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto rest = out.subspan(done);
    const auto n = pread(file.fd(), rest.data(), rest.size(), static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("read", file.path(), errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Status resize_file(const File& file, std::uint64_t size) {
  if (ftruncate(file.fd(), static_cast<off_t>(size)) != 0) {
    return io_error("resize", file.path(), errno);
  }
  return Done{};
}

Status sync_file(const File& file) {
  if (fdatasync(file.fd()) != 0) return io_error("sync", file.path(), errno);
  return Done{};
}

Status sync_folder(const std::string& path) {
  auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  if (fsync(folder.value().fd()) != 0) return io_error("sync", path, errno);
  return Done{};
}

Result<FolderMade> make_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return FolderMade{true};
  if (errno != EEXIST) return io_error("make folder", path, errno);
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return io_error("stat", path, errno);
  if (!S_ISDIR(info.st_mode)) return io_error("make folder", path, ENOTDIR);
  return FolderMade{false};
}

Status link_file(const std::string& from, const std::string& to) {
  if (link(from.c_str(), to.c_str()) != 0) return io_error("link", to, errno);
  return Done{};
}

Status rename_file(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return io_error("rename", from, errno);
  return Done{};
}

Status touch_file(const std::string& path) {
  if (utimensat(AT_FDCWD, path.c_str(), nullptr, 0) != 0) return io_error("touch", path, errno);
  return Done{};
}

Status remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return io_error("remove", path, errno);
  return Done{};
}

}  // namespace troupe
