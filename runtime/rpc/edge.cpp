#include "runtime/rpc/edge.h"

#include <vector>

namespace troupe {
namespace {

// Who has stopped waiting leaves his fulfiller behind until the next event, which may be long: such
// go before the list grows for others.
template <class Fulfillers>
void make_room(Fulfillers& waiters) {
  if (waiters.size() < waiters.capacity()) return;
  std::erase_if(waiters, [](auto& waiter) { return !waiter->isWaiting(); });
  // If most do wait they are not looked at again with each that comes.
  if (waiters.size() > waiters.capacity() / 2) waiters.reserve(2 * waiters.capacity());
}

}  // namespace

Edge::Edge(Host& host) : host_(host), id_(host.add_edge(*this)) {
  watch_ = host_.watch_events([this] {
    kj::Own<kj::CrossThreadPromiseFulfiller<void>> wake;
    {
      const std::lock_guard lock(mutex_);
      events_published_ = true;
      wake = kj::mv(wake_);
    }
    if (wake.get() != nullptr) wake->fulfill();
  });
}

Edge::~Edge() noexcept {
  host_.unwatch_events(watch_);
  host_.remove_edge(id_);
}

Edge::Subscription::~Subscription() {
  edge_.calls_.erase(call_);
}

kj::Promise<Result<Bytes>> Edge::ask(ActorId to, Bytes command, Admission admission) {
  auto paf = kj::newPromiseAndFulfiller<Result<Bytes>>();
  const auto call = next_call_++;
  // std::function wants copies; the fulfiller has one owner.
  auto fulfiller =
      std::make_shared<kj::Own<kj::PromiseFulfiller<Result<Bytes>>>>(kj::mv(paf.fulfiller));
  calls_[call] = [fulfiller](Result<Bytes> answer, bool) {
    (*fulfiller)->fulfill(std::move(answer));
  };
  host_.ask(std::move(to), std::move(command), ReplyTo{id_, call}, admission);
  return kj::mv(paf.promise);
}

std::unique_ptr<Edge::Subscription> Edge::subscribe(ActorId to, Bytes command, OnAnswer on_answer) {
  const auto call = next_call_++;
  calls_[call] = std::move(on_answer);
  host_.ask(std::move(to), std::move(command), ReplyTo{id_, call});
  return std::make_unique<Subscription>(*this, call);
}

kj::Promise<void> Edge::wait_for_event(EventPosition seen) {
  const auto newest = host_.last_events();
  for (std::size_t i = 0; i < newest.size(); ++i) {
    if (newest[i] > seen.at(i)) return kj::READY_NOW;
  }
  auto paf = kj::newPromiseAndFulfiller<void>();
  make_room(event_waiters_);
  event_waiters_.push_back(kj::mv(paf.fulfiller));
  return paf.promise.then(
      [this, seen = std::move(seen)]() mutable { return wait_for_event(std::move(seen)); });
}

void Edge::take(std::vector<Reply> replies) {
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> wake;
  {
    const std::lock_guard lock(mutex_);
    for (auto& reply : replies) replies_.push_back(std::move(reply));
    wake = kj::mv(wake_);
  }
  if (wake.get() != nullptr) wake->fulfill();
}

void Edge::post(std::function<void()> work) {
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> wake;
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
    wake = kj::mv(wake_);
  }
  if (wake.get() != nullptr) wake->fulfill();
}

void Edge::deliver(Reply reply) {
  const auto found = calls_.find(reply.to.call);
  if (found == calls_.end()) return;
  // The handler may end its own subscription.
  const OnAnswer handler = found->second;
  if (!reply.more) calls_.erase(found);
  handler(std::move(reply.body), reply.more);
}

void Edge::drain() {
  std::vector<Reply> replies;
  std::vector<std::function<void()>> work;
  bool published = false;
  {
    const std::lock_guard lock(mutex_);
    replies.swap(replies_);
    work.swap(work_);
    std::swap(published, events_published_);
  }
  for (auto& reply : replies) deliver(std::move(reply));
  for (auto& item : work) item();
  if (!published) return;
  auto waiters = kj::mv(event_waiters_);
  event_waiters_.clear();
  for (auto& waiter : waiters) waiter->fulfill();
}

kj::Promise<void> Edge::run() {
  auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
  {
    const std::lock_guard lock(mutex_);
    const bool idle = replies_.empty() && work_.empty() && !events_published_;
    if (idle) {
      wake_ = kj::mv(paf.fulfiller);
    } else {
      paf.fulfiller->fulfill();
    }
  }
  return paf.promise.then([this] {
    drain();
    return run();
  });
}

}  // namespace troupe
