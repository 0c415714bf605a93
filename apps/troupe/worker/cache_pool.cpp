#include "apps/troupe/worker/cache_pool.h"

#include "apps/troupe/worker/files.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <utility>

namespace troupe::worker {

namespace fs = std::filesystem;

CachePool::CachePool(std::string directory, std::size_t idle_max)
    : directory_(std::move(directory)), idle_max_(idle_max) {
  std::vector<std::string> found;
  std::error_code failure;
  for (const auto& folder : fs::directory_iterator(directory_, failure)) {
    std::error_code inner;
    for (const auto& instance : fs::directory_iterator(folder.path(), inner)) {
      found.push_back(instance.path().string());
    }
  }
  for (const std::string& path : oldest_first(found)) {
    idle_.push_back({fs::path(path).parent_path().string(), path});
  }
}

// Names come from payloads and may hold anything: the folder is a hash of it.
std::string CachePool::folder_of(const std::string& name) const {
  return directory_ + "/" + to_hex(sha256(name)).substr(0, 32);
}

Result<bool> CachePool::take(const std::string& name, int parent, const std::string& target) {
  const std::string folder = folder_of(name);
  const auto last = std::find_if(idle_.rbegin(), idle_.rend(),
                                 [&folder](const Instance& one) { return one.folder == folder; });
  if (last == idle_.rend()) return false;
  if (renameat(AT_FDCWD, last->path.c_str(), parent, target.c_str()) != 0) {
    return errno_error(target);
  }
  idle_.erase(std::next(last).base());
  return true;
}

Result<std::vector<std::string>> CachePool::give_back(const std::string& name,
                                                      int parent,
                                                      const std::string& source) {
  struct stat info {};
  if (fstatat(parent, source.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno_error(source, Errc::invalid);
  }
  if (!S_ISDIR(info.st_mode)) return Error{Errc::invalid, source + ": no longer a directory"};
  const std::string folder = folder_of(name);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno_error(folder);
  const std::string path = folder + "/" + new_slugid();
  // Moving a directory changes its `..`, so it must be writable.
  fchmodat(parent, source.c_str(), info.st_mode | S_IRWXU, 0);
  if (renameat(parent, source.c_str(), AT_FDCWD, path.c_str()) != 0) return errno_error(source);

  idle_.push_back({folder, path});
  const auto in_folder = [&folder](const Instance& one) { return one.folder == folder; };
  std::vector<std::string> surplus;
  while (std::cmp_greater(std::ranges::count_if(idle_, in_folder), idle_max_)) {
    const auto oldest = std::ranges::find_if(idle_, in_folder);
    surplus.push_back(oldest->path);
    idle_.erase(oldest);
  }
  return surplus;
}

std::optional<std::string> CachePool::evict_oldest() {
  if (idle_.empty()) return std::nullopt;
  std::string path = idle_.front().path;
  idle_.erase(idle_.begin());
  return path;
}

}  // namespace troupe::worker
