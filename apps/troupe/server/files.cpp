#include "apps/troupe/server/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace troupe::server {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

Error read_error(const std::string& path, int code) {
  const std::string detail = reason("read " + path, code);
  switch (code) {
    case ENOENT:
    case ENOTDIR: return {Errc::not_found, detail};
    case EACCES:
    case EPERM: return {Errc::forbidden, detail};
    case EISDIR: return {Errc::invalid, detail};
    default: return {Errc::unavailable, detail};
  }
}

Error creation_error(const std::string& path, int code) {
  const std::string detail = reason("cannot create the folder " + path, code);
  switch (code) {
    case ENOENT:  // where nobody can make any, such as in /proc
    case ENOTDIR:
    case EEXIST:
    case ELOOP:
    case EINVAL:
    case ENAMETOOLONG: return {Errc::invalid, detail};
    case EACCES:
    case EPERM:
    case EROFS: return {Errc::forbidden, detail};
    default: return {Errc::unavailable, detail};
  }
}

// The errno of the first failed write, or 0.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

// Writes and syncs a file that nobody knows yet. The errno, or 0.
int write_new_file(const std::string& path, std::string_view contents, mode_t mode) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file.valid()) return errno;
  // The mode above is cut by the umask, and does nothing to a left-over of a crash.
  if (fchmod(file.get(), mode) != 0) return errno;
  if (const int code = write_all(file.get(), contents)) return code;
  return fsync(file.get()) == 0 ? 0 : errno;
}

// A rename is on disk only when its folder is. The errno, or 0.
int sync_dir(const std::filesystem::path& path) {
  const Descriptor dir(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return errno;
  return fsync(dir.get()) == 0 ? 0 : errno;
}

}  // namespace

std::string reason(const std::string& what, int code) {
  return what + ": " + std::generic_category().message(code);
}

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return read_error(path, errno);
  std::string text(file_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return read_error(path, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > file_bytes_max) return Error{Errc::invalid, path + ": larger than 1 MiB"};
  text.resize(size);
  return text;
}

Status write_file(const std::string& path, std::string_view contents, mode_t mode) {
  const std::string temporary = path + ".tmp";
  if (const int code = write_new_file(temporary, contents, mode)) {
    unlink(temporary.c_str());
    return Error{Errc::unavailable, reason("write " + temporary, code)};
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    unlink(temporary.c_str());
    return Error{Errc::unavailable, reason("replace " + path, code)};
  }
  if (const int code = sync_dir(std::filesystem::path(path).parent_path())) {
    return Error{Errc::unavailable, reason("sync the folder of " + path, code)};
  }
  return Done{};
}

Status make_private_dir(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return creation_error(parent.string(), error.value());
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return Done{};
  return creation_error(path, errno);
}

}  // namespace troupe::server
