#include "apps/troupe/worker/log_upload.h"

#include <algorithm>

namespace troupe::worker {
namespace {

void wake(kj::Own<kj::PromiseFulfiller<void>>& waiting) {
  if (waiting.get() != nullptr) waiting->fulfill();
  waiting = nullptr;
}

kj::Promise<void> wait_on(kj::Own<kj::PromiseFulfiller<void>>& waiting) {
  auto pair = kj::newPromiseAndFulfiller<void>();
  waiting = kj::mv(pair.fulfiller);
  return kj::mv(pair.promise);
}

}  // namespace

LogUpload::LogUpload(kj::Timer& timer, TaskLog& log, ClaimSlot& slot)
    : timer_(timer), log_(log), slot_(slot), last_send_(timer.now() - batch_time) {
  log_.on_growth([this] { wake(on_bytes_); });
}

kj::Promise<void> LogUpload::run() {
  return wait_for_bytes()
      .then([this] { return pace(); })
      .then([this] { return slot_.attached(); })
      .then([this] { return send_available(); })
      .catch_([this](kj::Exception&& e) { return recover(kj::mv(e)); })
      .then([this] { return run(); });
}

kj::Promise<void> LogUpload::wait_for_bytes() {
  follow_slot();
  if (sent_ < log_.size()) return kj::READY_NOW;
  wake(on_sent_);
  return wait_on(on_bytes_);
}

kj::Promise<void> LogUpload::pace() {
  const auto due = last_send_ + batch_time;
  if (hurry_ || timer_.now() >= due) return kj::READY_NOW;
  return timer_.atTime(due).exclusiveJoin(wait_on(on_hurry_));
}

void LogUpload::follow_slot() {
  if (generation_ == slot_.generation()) return;
  generation_ = slot_.generation();
  sent_ = std::min(slot_.log_offset(), log_.size());
}

kj::Promise<void> LogUpload::send_available() {
  follow_slot();
  KJ_IF_MAYBE (claim, slot_.claim()) {
    if (sent_ < log_.size()) return send_chunk(*claim);
  }
  last_send_ = timer_.now();
  return kj::READY_NOW;
}

kj::Promise<void> LogUpload::send_chunk(schema::Claim::Client& claim) {
  const auto size = std::min<std::uint64_t>(log_.size() - sent_, chunk_bytes_max);
  auto request = claim.appendLogRequest();
  request.setOffset(sent_);
  auto bytes = request.initBytes(static_cast<unsigned>(size));
  const auto read = read_at(log_.fd(), sent_, {bytes.begin(), bytes.size()});
  if (!read.ok() || read.value() != size) {
    return exception_from(Error{Errc::corrupt, "the local file of the task's log is damaged"});
  }
  sent_ += size;
  return request.send().then([this] { return send_available(); });
}

kj::Promise<void> LogUpload::recover(kj::Exception&& exception) {
  const auto seen = generation_;
  if (exception.getType() == kj::Exception::Type::DISCONNECTED) return slot_.pause(seen);
  if (means_lost(error_from(exception).code)) return kj::mv(exception);
  // Nothing more can pass through this stream: another one needs another capability.
  slot_.renew(seen);
  return slot_.pause(seen);
}

kj::Promise<std::uint64_t> LogUpload::sync() {
  return slot_.call([](schema::Claim::Client& claim) {
    return claim.syncLogRequest().send().then([](auto&& answer) { return answer.getOffset(); });
  });
}

kj::Promise<void> LogUpload::flush() {
  hurry_ = true;
  wake(on_bytes_);
  wake(on_hurry_);
  auto all_sent = wait_on(on_sent_);
  return all_sent.then([this] { return sync(); })
      .then([this](std::uint64_t offset) -> kj::Promise<void> {
        if (offset >= log_.size()) return kj::READY_NOW;
        // A part got lost on the way; a pause, lest a server that loses bytes keeps us spinning.
        sent_ = std::min(sent_, offset);
        return slot_.pause(generation_).then([this] { return flush(); });
      });
}

}  // namespace troupe::worker
