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

namespace troupe::worker {

namespace fs = std::filesystem;

CachePool::CachePool(std::string directory, std::size_t idle_max)
    : directory_(std::move(directory)), idle_max_(idle_max) {
  struct Found {
    std::string folder;
    std::string path;
    fs::file_time_type changed;
  };
  std::vector<Found> found;
  std::error_code failure;
  for (const auto& folder : fs::directory_iterator(directory_, failure)) {
    std::error_code inner;
    for (const auto& instance : fs::directory_iterator(folder.path(), inner)) {
      found.push_back(
          {folder.path().string(), instance.path().string(), instance.last_write_time(inner)});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.changed < b.changed; });
  for (const auto& f : found) idle_[f.folder].push_back({f.path, ++uses_});
}

// Names come from payloads and may hold anything: the folder is a hash of it.
std::string CachePool::folder_of(const std::string& name) const {
  return directory_ + "/" + to_hex(sha256(name)).substr(0, 32);
}

Result<bool> CachePool::take(const std::string& name, int parent, const std::string& target) {
  const auto found = idle_.find(folder_of(name));
  if (found == idle_.end() || found->second.empty()) return false;
  const Instance instance = found->second.back();
  if (renameat(AT_FDCWD, instance.path.c_str(), parent, target.c_str()) != 0) {
    return errno_error(target);
  }
  found->second.pop_back();
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

  auto& instances = idle_[folder];
  instances.push_back({path, ++uses_});
  std::vector<std::string> surplus;
  while (instances.size() > idle_max_) {
    surplus.push_back(instances.front().path);
    instances.erase(instances.begin());
  }
  return surplus;
}

std::optional<std::string> CachePool::evict_oldest() {
  std::vector<Instance>* oldest = nullptr;
  for (auto& [folder, instances] : idle_) {
    if (instances.empty()) continue;
    if (oldest == nullptr || instances.front().used < oldest->front().used) oldest = &instances;
  }
  if (oldest == nullptr) return std::nullopt;
  std::string path = oldest->front().path;
  oldest->erase(oldest->begin());
  return path;
}

}  // namespace troupe::worker
