#include "apps/troupe/server/stopping.h"

#include "runtime/base/assert.h"

namespace troupe::server {

Stopping::Stopping() {
  auto pair = kj::newPromiseAndFulfiller<void>();
  begin_ = kj::mv(pair.fulfiller);
  begins_ = pair.promise.fork();
}

void Stopping::begin() {
  TROUPE_EXPECTS(!begun_);
  begun_ = true;
  begin_->fulfill();
}

kj::Promise<void> Stopping::answered() {
  TROUPE_EXPECTS(begun_);
  if (waiters_ == 0) return kj::READY_NOW;
  auto pair = kj::newPromiseAndFulfiller<void>();
  answered_ = kj::mv(pair.fulfiller);
  return kj::mv(pair.promise);
}

void Stopping::leave() {
  if (--waiters_ == 0 && answered_.get() != nullptr) answered_->fulfill();
}

}  // namespace troupe::server
