#include "apps/troupe/worker/download_cache.h"

#include "apps/troupe/worker/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace troupe::worker {

namespace fs = std::filesystem;

DownloadCache::DownloadCache(std::string directory, std::uint64_t bytes_max)
    : directory_(std::move(directory)), bytes_max_(bytes_max) {
  std::vector<std::string> found;
  std::error_code failure;
  for (const auto& file : fs::directory_iterator(directory_, failure)) {
    std::error_code inner;
    if (sha256_from_hex(file.path().filename().string()) && file.is_regular_file(inner)) {
      found.push_back(file.path().string());
    } else {
      fs::remove(file.path(), inner);
    }
  }
  for (const std::string& path : oldest_first(found)) {
    const std::uint64_t size = fs::file_size(path, failure);
    entries_[fs::path(path).filename().string()] = Entry{.size = size, .used = ++uses_};
    bytes_ += size;
  }
  shrink();
}

DownloadCache::Pin DownloadCache::pin(const Sha256& sha256, Entry& entry) {
  entry.used = ++uses_;
  const std::string path = path_of(to_hex(sha256));
  utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // the order survives a restart
  return {.path = path, .sha256 = sha256, .size = entry.size, .fresh = false, .hold = entry.hold};
}

std::optional<DownloadCache::Pin> DownloadCache::find(const Sha256& sha256) {
  const auto found = entries_.find(to_hex(sha256));
  if (found == entries_.end()) return std::nullopt;
  return pin(sha256, found->second);
}

std::string DownloadCache::temporary_path() {
  return directory_ + "/unfinished-" + std::to_string(++temporaries_);
}

Result<DownloadCache::Pin> DownloadCache::insert(const std::string& temporary,
                                                 const Sha256& sha256,
                                                 std::uint64_t size) {
  const std::string hex = to_hex(sha256);
  chmod(temporary.c_str(), 0400);
  if (rename(temporary.c_str(), path_of(hex).c_str()) != 0) return errno_error(temporary);
  auto [it, is_new] = entries_.try_emplace(hex);
  if (is_new) {
    it->second.size = size;
    bytes_ += size;
  }
  auto out = pin(sha256, it->second);
  out.fresh = true;
  shrink();
  return out;
}

void DownloadCache::drop(const Sha256& sha256) {
  const auto found = entries_.find(to_hex(sha256));
  if (found == entries_.end()) return;
  unlink(path_of(found->first).c_str());
  bytes_ -= found->second.size;
  entries_.erase(found);
}

bool DownloadCache::evict_oldest() {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    const bool held = it->second.hold.use_count() > 1;
    if (held) continue;
    if (oldest == entries_.end() || it->second.used < oldest->second.used) oldest = it;
  }
  if (oldest == entries_.end()) return false;
  unlink(path_of(oldest->first).c_str());
  bytes_ -= oldest->second.size;
  entries_.erase(oldest);
  return true;
}

void DownloadCache::shrink() {
  while (bytes_ > bytes_max_ && evict_oldest()) {
  }
}

}  // namespace troupe::worker
