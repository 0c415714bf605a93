#include "apps/troupe/worker/claim_slot.h"

namespace troupe::worker {

ClaimSlot::ClaimSlot(kj::Timer& timer, std::function<void()> renew)
    : timer_(timer),
      renew_(std::move(renew)),
      attach_promise_(kj::Promise<void>(kj::READY_NOW).fork()) {
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

void ClaimSlot::renew(std::uint64_t generation) {
  if (generation_ != generation || claim_ == nullptr) return;
  detach();
  renew_();
}

// Nothing at the front of the log changes nothing; but if the stream has failed, it is refused here
// at once, since the refusal that broke the stream came before the answer that is in doubt.
kj::Promise<bool> ClaimSlot::is_broken(std::uint64_t generation) {
  if (generation_ != generation) return true;
  KJ_IF_MAYBE (claim, claim_) {
    return claim->appendLogRequest().send().then([] { return false; },
                                                 [](kj::Exception&&) { return true; });
  }
  return true;
}

kj::Promise<bool> ClaimSlot::may_pass(const kj::Exception& exception, std::uint64_t generation) {
  const bool disconnected = exception.getType() == kj::Exception::Type::DISCONNECTED;
  if (disconnected) return pause(generation).then([] { return true; });
  const Errc code = error_from(exception).code;
  // A refused stream says the same as a refused call: no need for a new capability to hear it
  // again.
  if (means_lost(code)) return false;
  return is_broken(generation).then([this, generation, code](bool broken) -> kj::Promise<bool> {
    if (broken) renew(generation);
    if (!broken && !is_retryable(code)) return false;
    return pause(generation).then([] { return true; });
  });
}

bool means_lost(Errc code) {
  return code == Errc::conflict || code == Errc::not_found || code == Errc::expired ||
         code == Errc::forbidden;
}

}  // namespace troupe::worker
