#include "runtime/sim/faulty_store.h"

#include "runtime/base/assert.h"

namespace troupe::sim {

Status FaultyStore::apply(const std::vector<RowOp>& rows, const StoreState& state) {
  const auto fault = next_fault_();
  full_ = fault == CommitFault::full;
  switch (fault) {
    case CommitFault::none: return store_->apply(rows, state);
    case CommitFault::full: return Error{Errc::busy, "no space is left on the simulated disk"};
    case CommitFault::crash_before: throw ProcessGone{};
    case CommitFault::crash_within: apply_torn(rows, state); throw ProcessGone{};
    case CommitFault::crash_after: apply_whole(rows, state); throw ProcessGone{};
    case CommitFault::sync_fails: {
      if (below(random_, 2) == 0) {
        apply_torn(rows, state);
      } else {
        apply_whole(rows, state);
      }
      return Error{Errc::unavailable, "the simulated disk failed to sync"};
    }
  }
  return Error{Errc::internal, "a fault that the simulation does not know"};
}

void FaultyStore::apply_whole(const std::vector<RowOp>& rows, const StoreState& state) {
  const auto applied = store_->apply(rows, state);
  TROUPE_INVARIANT(applied.ok());
}

void FaultyStore::apply_torn(const std::vector<RowOp>& rows, const StoreState& state) {
  file_.remember();
  apply_whole(rows, state);
  file_.tear(random_);
}

StoreUse FaultyStore::use() {
  auto use = store_->use();
  use.low = use.low || full_;
  return use;
}

}  // namespace troupe::sim
