// Tells everything that works for a run that it is no longer wanted: a promise for what waits, a
// flag for what blocks on another thread.
#pragma once

#include <kj/async.h>

#include <atomic>
#include <memory>

namespace troupe::worker {

/// Set by whoever no longer wants an outcome. Shared with the thread that works on it.
using Cancel = std::shared_ptr<std::atomic<bool>>;

class StopSignal {
 public:
  StopSignal() : StopSignal(kj::newPromiseAndFulfiller<void>()) {}

  /// May be called more than once.
  void request() {
    *flag_ = true;
    fulfiller_->fulfill();
  }
  bool requested() const { return *flag_; }
  kj::Promise<void> wait() { return promise_.addBranch(); }
  const Cancel& flag() const { return flag_; }

 private:
  explicit StopSignal(kj::PromiseFulfillerPair<void> pair)
      : fulfiller_(kj::mv(pair.fulfiller)), promise_(pair.promise.fork()) {}

  Cancel flag_ = std::make_shared<std::atomic<bool>>(false);
  kj::Own<kj::PromiseFulfiller<void>> fulfiller_;
  kj::ForkedPromise<void> promise_;
};

}  // namespace troupe::worker
