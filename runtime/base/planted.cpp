#include "runtime/base/planted.h"

#ifdef TROUPE_PLANTED_BUGS
#include <atomic>

namespace troupe {
namespace {

std::atomic<Bug> current{Bug::none};

}  // namespace

bool planted(Bug bug) {
  return current.load(std::memory_order_relaxed) == bug;
}

void plant(Bug bug) {
  current.store(bug, std::memory_order_relaxed);
}

}  // namespace troupe
#endif
