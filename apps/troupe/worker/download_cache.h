// Downloaded files by their SHA-256, so that tasks on one worker fetch each file once. Bounded:
// what was used longest ago goes first.
#pragma once

#include "runtime/base/hash.h"
#include "runtime/base/result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace troupe::worker {

class DownloadCache {
 public:
  /// A file that stays on disk as long as somebody holds this.
  struct Pin {
    std::string path;
    Sha256 sha256{};
    std::uint64_t size = 0;
    bool fresh = false;  // hashed just now; anything else may have been changed since by a task
    std::shared_ptr<const int> hold;
  };

  /// Finds what is in `directory` and deletes unfinished downloads.
  DownloadCache(std::string directory, std::uint64_t bytes_max);

  std::optional<Pin> find(const Sha256& sha256);

  /// Where the next unfinished download may be written; a fresh name.
  std::string temporary_path();

  /// Takes a finished download in, moving the file.
  Result<Pin> insert(const std::string& temporary, const Sha256& sha256, std::uint64_t size);

  /// Forgets and deletes a file whose content is not what its name says.
  void drop(const Sha256& sha256);

  /// Deletes the file used longest ago that nobody holds. False: there is none.
  bool evict_oldest();

 private:
  struct Entry {
    std::uint64_t size = 0;
    std::uint64_t used = 0;  // larger is later
    std::shared_ptr<const int> hold = std::make_shared<const int>(0);
  };

  std::string path_of(const std::string& hex) const { return directory_ + "/" + hex; }
  Pin pin(const Sha256& sha256, Entry& entry);
  void shrink();

  const std::string directory_;
  const std::uint64_t bytes_max_;
  std::map<std::string, Entry> entries_;  // by the hash in hexadecimal
  std::uint64_t bytes_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t temporaries_ = 0;
};

}  // namespace troupe::worker
