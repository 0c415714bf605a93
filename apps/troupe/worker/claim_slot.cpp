#include "apps/troupe/worker/claim_slot.h"

namespace troupe::worker {

ClaimSlot::ClaimSlot(kj::Timer& timer)
    : timer_(timer), attach_promise_(kj::Promise<void>(kj::READY_NOW).fork()) {
  auto pair = kj::newPromiseAndFulfiller<void>();
  on_attach_ = kj::mv(pair.fulfiller);
  attach_promise_ = pair.promise.fork();
}

void ClaimSlot::attach(schema::Claim::Client claim, std::uint64_t log_offset) {
  claim_ = kj::mv(claim);
  log_offset_ = log_offset;
  ++generation_;
  on_attach_->fulfill();
  auto pair = kj::newPromiseAndFulfiller<void>();
  on_attach_ = kj::mv(pair.fulfiller);
  attach_promise_ = pair.promise.fork();
}

void ClaimSlot::detach() {
  claim_ = nullptr;
}

kj::Promise<void> ClaimSlot::next_attach() {
  return attach_promise_.addBranch();
}

kj::Promise<void> ClaimSlot::attached() {
  if (claim_ != nullptr) return kj::READY_NOW;
  return next_attach();
}

kj::Promise<void> ClaimSlot::pause(std::uint64_t generation) {
  if (generation_ != generation) return kj::READY_NOW;
  return next_attach().exclusiveJoin(timer_.afterDelay(retry_pause));
}

}  // namespace troupe::worker
