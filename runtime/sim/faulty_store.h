// The production store, with what a disk may do to it.
#pragma once

#include "runtime/sim/torn_file.h"
#include "runtime/store/store.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::sim {

/// Thrown out of a commit: the process is gone. What it did until then may be on disk.
struct ProcessGone {};

/// What becomes of one transaction.
enum class CommitFault {
  none,
  full,          // no space: nothing is written, the batch is tried again
  crash_before,  // the process is gone before it,
  crash_within,  // while it is written,
  crash_after,   // or when it counts and nobody has heard of it
  sync_fails,    // written or not, nobody knows
  ghost,         // the process is gone, though its code runs on: nothing is written,
  ghost_within,  // a part,
  ghost_after,   // or all; and nothing from then on
};

class FaultyStore final : public Store {
 public:
  /// `next_fault` is asked before each transaction. Borrows `file`, `store`'s own, and `random`.
  FaultyStore(std::unique_ptr<Store> store,
              TornFile& file,
              Random& random,
              std::function<CommitFault()> next_fault)
      : store_(std::move(store)),
        file_(file),
        random_(random),
        next_fault_(std::move(next_fault)) {}

  std::unique_ptr<Snapshot> snapshot(SnapshotUse use) override { return store_->snapshot(use); }
  Status apply(const Bytes& batch) override;
  StoreUse use() override;
  void maintain() override { store_->maintain(); }

 private:
  void apply_whole(const Bytes& batch);
  void apply_torn(const Bytes& batch);

  const std::unique_ptr<Store> store_;
  TornFile& file_;
  Random& random_;
  const std::function<CommitFault()> next_fault_;
  bool full_ = false;  // as of the last transaction
};

}  // namespace troupe::sim
