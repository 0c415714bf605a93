// What a crash within a commit leaves of the store's file: of what was written since the last sync,
// any part may have reached the disk.
//
// LMDB writes the pages of a transaction, syncs, then writes one meta page, which makes it count.
// So whatever is torn, the meta page is not yet there; what earlier transactions use is untouched.
#pragma once

#include "runtime/sim/random.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::sim {

class TornFile {
 public:
  explicit TornFile(std::string path) : path_(std::move(path)) {}

  /// Before the transaction: what is synced.
  void remember();

  /// After it: picks the sectors that never reached the disk. They are put back with `crash`, since
  /// until then the process that wrote them reads them.
  void tear(Random& random);

  /// The process is gone and the file closed: what was not synced and is torn, is lost.
  void crash();

 private:
  struct Sector {
    std::size_t at = 0;
    std::string bytes;
  };

  std::string read() const;

  const std::string path_;
  std::string synced_;
  std::vector<Sector> lost_;
  bool shortened_ = false;  // the file's new length is lost as well
};

}  // namespace troupe::sim
