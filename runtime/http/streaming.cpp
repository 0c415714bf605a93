#include "runtime/http/streaming.h"

namespace troupe::http {
namespace {

class PacedOutput final : public kj::AsyncOutputStream {
 public:
  PacedOutput(kj::Own<kj::AsyncOutputStream> inner, kj::Timer& timer, kj::Duration piece_time_max)
      : inner_(kj::mv(inner)), timer_(timer), piece_time_max_(piece_time_max) {}

  kj::Promise<void> write(const void* buffer, std::size_t size) override {
    return timer_.timeoutAfter(piece_time_max_, inner_->write(buffer, size));
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return timer_.timeoutAfter(piece_time_max_, inner_->write(pieces));
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }

 private:
  kj::Own<kj::AsyncOutputStream> inner_;
  kj::Timer& timer_;
  const kj::Duration piece_time_max_;
};

}  // namespace

kj::Own<kj::AsyncOutputStream> limit_pace(kj::Own<kj::AsyncOutputStream> inner,
                                          kj::Timer& timer,
                                          kj::Duration piece_time_max) {
  return kj::heap<PacedOutput>(kj::mv(inner), timer, piece_time_max);
}

}  // namespace troupe::http
