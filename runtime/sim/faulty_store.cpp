#include "runtime/sim/faulty_store.h"

#include "runtime/base/assert.h"

namespace troupe::sim {

Status FaultyStore::apply(const Bytes& batch) {
  const auto fault = next_fault_();
  full_ = fault == CommitFault::full;
  switch (fault) {
    case CommitFault::none: return store_->apply(batch);
    case CommitFault::full: return Error{Errc::busy, "no space is left on the simulated disk"};
    case CommitFault::crash_before: throw ProcessGone{};
    case CommitFault::crash_within: apply_torn(batch); throw ProcessGone{};
    case CommitFault::crash_after: apply_whole(batch); throw ProcessGone{};
    case CommitFault::ghost: return Done{};
    case CommitFault::ghost_within: apply_torn(batch); return Done{};
    case CommitFault::ghost_after: apply_whole(batch); return Done{};
    case CommitFault::sync_fails: {
      if (below(random_, 2) == 0) {
        apply_torn(batch);
      } else {
        apply_whole(batch);
      }
      return Error{Errc::unavailable, "the simulated disk failed to sync"};
    }
  }
  return Error{Errc::internal, "a fault that the simulation does not know"};
}

void FaultyStore::apply_whole(const Bytes& batch) {
  const auto applied = store_->apply(batch);
  TROUPE_INVARIANT(applied.ok());
}

void FaultyStore::apply_torn(const Bytes& batch) {
  file_.remember();
  apply_whole(batch);
  file_.tear(random_);
}

StoreUse FaultyStore::use() {
  auto use = store_->use();
  use.low = use.low || full_;
  return use;
}

}  // namespace troupe::sim
