// A claimWork that waits: for the queue's answer, but not for ever, and only while somebody
// listens.
#pragma once

#include "apps/troupe/server/worker_notes.h"
#include "apps/troupe/server/worker_session.h"

#include <kj/async.h>
#include <kj/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {

struct WorkRequest {
  WorkerKey worker;
  std::uint32_t tasks = 1;  // at most as many
  std::string request_id;   // a repeat is answered alike; empty: none comes
  kj::TimePoint until;      // with nothing by then, or as the server stops, the answer is nothing
  // Nobody listens any more; empty: not known. May be asked again and again.
  std::function<kj::Promise<void>()> peer_gone;
};

/// Claims on their way to who has asked for them. Dropped before they are taken they are given back
/// to their tasks, unless a repeat may ask for them.
class WorkFound {
 public:
  /// None.
  WorkFound() = default;
  /// Borrows `site`, which outlives it.
  WorkFound(Site& site, std::vector<HeldClaim> claims, bool repeatable)
      : site_(&site), claims_(std::move(claims)), repeatable_(repeatable) {}
  WorkFound(WorkFound&& other) noexcept;
  WorkFound& operator=(WorkFound&&) = delete;
  ~WorkFound();

  const std::vector<HeldClaim>& claims() const { return claims_; }
  /// Somebody has them, or they have ended.
  void take() { claims_.clear(); }

 private:
  Site* site_ = nullptr;  // set where there are claims
  std::vector<HeldClaim> claims_;
  bool repeatable_ = false;
};

/// What the queue has for the worker, or nothing. When the promise is dropped the waiting ends, and
/// claims that come all the same are given back.
kj::Promise<WorkFound> wait_for_work(Site& site, WorkRequest request);

}  // namespace troupe::server
