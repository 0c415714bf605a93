// What the process says when reading a store's mapped file fails.
#pragma once

#include <string>

namespace troupe {

/// While one lives, a fault (SIGBUS, SIGSEGV) at an address within the mapping of the file at
/// `path`, or within 64 KiB after it, ends the process with status 1 and `text` on stderr: LMDB
/// follows what a damaged page says, beyond the file's end too, and a disk that cannot be read
/// looks the same. Other faults end the process as they did before. Made once the file is mapped;
/// of one that is not, and beyond 64 at a time, nothing is noted.
class MapFaultNotice {
 public:
  MapFaultNotice(const std::string& path, std::string text);
  ~MapFaultNotice();
  MapFaultNotice(const MapFaultNotice&) = delete;
  MapFaultNotice& operator=(const MapFaultNotice&) = delete;

 private:
  std::string text_;
  int slot_ = -1;
};

}  // namespace troupe
