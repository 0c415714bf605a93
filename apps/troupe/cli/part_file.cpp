#include "apps/troupe/cli/part_file.h"

#include "runtime/base/random.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

Error file_error(const std::string& what, const std::string& path, int code) {
  return Error{Errc::conflict, what + " " + path + ": " + std::generic_category().message(code)};
}

}  // namespace

PartFile::PartFile(std::string path, std::string part_path, int descriptor)
    : path_(std::move(path)), part_path_(std::move(part_path)), descriptor_(descriptor) {}

Result<std::unique_ptr<PartFile>> PartFile::create(const std::string& path) {
  const fs::path target(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return file_error("cannot make the folder", folder.string(), error.value());
  if (fs::is_directory(target, error)) return file_error("cannot write", path, EISDIR);
  std::string part_path = (folder / ("." + new_slugid() + ".part")).string();
  const int descriptor = ::open(part_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) return file_error("cannot write", part_path, errno);
  return std::unique_ptr<PartFile>(new PartFile(path, std::move(part_path), descriptor));
}

PartFile::~PartFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!part_path_.empty()) ::unlink(part_path_.c_str());
}

Status PartFile::append(std::string_view bytes) {
  hash_.update(as_bytes(bytes));
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return file_error("cannot write", part_path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return Done{};
}

Status PartFile::finish(const Sha256& expected, std::uint64_t expected_size) {
  if (size_ != expected_size) {
    return Error{Errc::corrupt, path_ + ": " + std::to_string(size_) +
                                    " bytes arrived instead of " + std::to_string(expected_size) +
                                    ": try again"};
  }
  const Sha256 actual = hash_.finish();
  if (actual != expected) {
    return Error{Errc::corrupt, path_ + ": the contents hash to " + to_hex(actual) +
                                    " instead of " + to_hex(expected) + ": try again"};
  }
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) return file_error("cannot write", part_path_, errno);
  if (::rename(part_path_.c_str(), path_.c_str()) != 0)
    return file_error("cannot write", path_, errno);
  part_path_.clear();
  return Done{};
}

}  // namespace troupe::cli
