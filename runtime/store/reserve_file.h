// Room on the file system that is taken beforehand and given up when nothing else is left
// (invariant 11), so that what is running can be reported and what expired can be deleted.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace troupe {

class ReserveFile {
 public:
  /// Of `bytes` at `path`; 0 bytes: never made. Takes over a file that is there.
  ReserveFile(std::string path, std::uint64_t bytes);

  /// Makes the file if it is not there and twice its size is free. Answers whether it made it.
  bool make_if_room();

  /// Gives its room back. Answers whether there was any.
  bool give_up();

  bool held() const;

 private:
  const std::string path_;
  const std::uint64_t bytes_;

  mutable std::mutex mutex_;  // guards the next
  bool held_ = false;
};

/// What an unprivileged process may still write where `path` is.
std::uint64_t disk_free_bytes(const std::string& path);

}  // namespace troupe
