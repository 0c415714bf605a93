// How the calls of a loop learn that the server stops: who waits for what others do answers with
// what there is.
#pragma once

#include <kj/async.h>

#include <cstddef>

namespace troupe::server {

/// Thread: that of its loop, which is there when it is made.
class Stopping {
 public:
  Stopping();
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

  /// A call that may wait, until its answer is made.
  class Waiter {
   public:
    explicit Waiter(Stopping& stopping) : stopping_(stopping) { ++stopping_.waiters_; }
    ~Waiter() { stopping_.leave(); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

   private:
    Stopping& stopping_;
  };

  /// From here on nobody waits any more. Once.
  void begin();
  bool has_begun() const { return begun_; }

  /// Resolves when it begins; at once if it has.
  kj::Promise<void> begins() { return begins_.addBranch(); }

  /// Resolves when no waiter is left. Once, after the beginning.
  kj::Promise<void> answered();

 private:
  void leave();

  bool begun_ = false;
  std::size_t waiters_ = 0;
  kj::Own<kj::PromiseFulfiller<void>> begin_;
  kj::ForkedPromise<void> begins_ = nullptr;
  kj::Own<kj::PromiseFulfiller<void>> answered_;  // null: nobody asks
};

}  // namespace troupe::server
