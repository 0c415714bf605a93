#include "runtime/sim/torn_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

namespace troupe::sim {
namespace {

// What a disk writes whole.
constexpr std::size_t sector_bytes = 512;

std::size_t meta_bytes() {
  return 2 * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

std::string TornFile::read() const {
  std::string bytes(std::filesystem::file_size(path_), '\0');
  std::ifstream file(path_, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

void TornFile::remember() {
  synced_ = read();
}

void TornFile::tear(Random& random) {
  const std::string written = read();
  // From none (only the meta page is missing) to all.
  const auto lost_per_mille = static_cast<std::uint32_t>(below(random, 5) * 250);
  for (std::size_t at = 0; at < written.size(); at += sector_bytes) {
    const auto now = std::string_view(written).substr(at, sector_bytes);
    std::string before = at < synced_.size() ? synced_.substr(at, sector_bytes) : std::string();
    before.resize(now.size());  // behind the old end: zeros
    if (now == before) continue;
    if (at < meta_bytes() || happens(random, lost_per_mille)) {
      lost_.push_back({at, std::move(before)});
    }
  }
  shortened_ = lost_per_mille == 1'000 && written.size() > synced_.size();
}

void TornFile::crash() {
  if (!lost_.empty()) {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    for (const auto& sector : lost_) {
      file.seekp(static_cast<std::streamoff>(sector.at));
      file.write(sector.bytes.data(), static_cast<std::streamsize>(sector.bytes.size()));
    }
  }
  if (shortened_) std::filesystem::resize_file(path_, synced_.size());
  lost_.clear();
  shortened_ = false;
}

}  // namespace troupe::sim
