// Deleting what a task left behind. A task may have nested directories deeper than any stack or
// path limit, so nothing recurses: a directory found below the root is moved up into the root,
// emptied there, and deleted.
#include "apps/troupe/worker/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

namespace troupe::worker {
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct Entry {
  std::string name;
  bool directory = false;
};

bool is_directory(int parent, const char* name) {
  struct stat info {};
  return fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

Result<std::vector<Entry>> list(int directory) {
  const int copy = openat(directory, ".", directory_flags);
  if (copy < 0) return errno_error("open");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(copy), closedir);
  if (!stream) {
    close(copy);
    return errno_error("read");
  }
  std::vector<Entry> entries;
  while (const dirent* entry = readdir(stream.get())) {  // NOLINT: this stream has one reader
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool known = entry->d_type != DT_UNKNOWN;
    entries.push_back(
        {name, known ? entry->d_type == DT_DIR : is_directory(directory, name.c_str())});
  }
  return entries;
}

// Makes a directory one that we may change. The name is a directory, so no link is followed.
Result<Fd> open_writable(int parent, const char* name) {
  Fd fd(openat(parent, name, directory_flags));
  if (fd.valid() && fchmod(fd.get(), 0700) == 0) return fd;
  if (fchmodat(parent, name, 0700, 0) != 0) return errno_error(name);
  fd = Fd(openat(parent, name, directory_flags));
  if (!fd.valid()) return errno_error(name);
  return fd;
}

class Remover {
 public:
  explicit Remover(int root) : root_(root) {}

  Status empty_root() {
    // Each round deletes the directories that the one before moved up.
    for (;;) {
      auto entries = list(root_);
      if (!entries.ok()) return entries.error();
      if (entries.value().empty()) return Done{};
      for (const auto& entry : entries.value()) {
        auto done = entry.directory ? remove_directory(entry.name) : unlink_at(root_, entry.name);
        if (!done.ok()) return done;
      }
    }
  }

 private:
  static Status unlink_at(int parent, const std::string& name) {
    if (unlinkat(parent, name.c_str(), 0) != 0 && errno != ENOENT) return errno_error(name);
    return Done{};
  }

  Status remove_directory(const std::string& name) {
    auto directory = open_writable(root_, name.c_str());
    if (!directory.ok()) return directory.error();
    auto entries = list(directory.value().get());
    if (!entries.ok()) return entries.error();
    for (const auto& entry : entries.value()) {
      auto done = entry.directory ? move_up(directory.value().get(), entry.name)
                                  : unlink_at(directory.value().get(), entry.name);
      if (!done.ok()) return done;
    }
    if (unlinkat(root_, name.c_str(), AT_REMOVEDIR) != 0) return errno_error(name);
    return Done{};
  }

  Status move_up(int parent, const std::string& name) {
    // A directory that is moved must be writable itself: its `..` changes.
    auto opened = open_writable(parent, name.c_str());
    if (!opened.ok()) return opened.error();
    // Most directories are empty or hold files only; those need no move.
    auto entries = list(opened.value().get());
    if (entries.ok() && entries.value().empty()) {
      if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return Done{};
      return errno_error(name);
    }
    for (;;) {
      const std::string target = "removed-" + std::to_string(++moved_);
      struct stat info {};
      if (fstatat(root_, target.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) continue;
      if (renameat(parent, name.c_str(), root_, target.c_str()) == 0) return Done{};
      return errno_error(name);
    }
  }

  const int root_;
  std::uint64_t moved_ = 0;
};

}  // namespace

Status remove_tree(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return Done{};
  auto root = open_writable(AT_FDCWD, path.c_str());
  if (!root.ok()) return root.error();
  auto emptied = Remover(root.value().get()).empty_root();
  if (!emptied.ok()) return Error{emptied.error().code, path + ": " + emptied.error().detail};
  if (rmdir(path.c_str()) != 0) return errno_error(path);
  return Done{};
}

}  // namespace troupe::worker
