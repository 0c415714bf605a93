#include "actors/task_queue/waiters.h"

#include "runtime/base/hash.h"

#include <limits>

namespace troupe::task_queue {
namespace {

// A lap that is under way is not all lanes: the next one is.
constexpr std::uint64_t laps_of_search = 2;

}  // namespace

std::uint64_t worker_mark(const std::string& worker) {
  const Sha256 hash = sha256(worker);
  std::uint64_t mark = 0;
  for (std::size_t i = 0; i < sizeof(mark); ++i) mark = (mark << 8) | hash[i];
  return mark | 1;  // 0 is nobody
}

const Waiter* Waiters::find(std::uint64_t session) const {
  const auto listening = listening_.find(session);
  const auto found = waiters_.find(listening == listening_.end() ? session : listening->second);
  return found == waiters_.end() ? nullptr : &found->second;
}

const Waiter* Waiters::find_request(const std::string& request_id) const {
  const auto found = requests_.find(request_id);
  return found == requests_.end() ? nullptr : &waiters_.at(found->second);
}

const Waiter* Waiters::next(std::uint64_t turn) const {
  const auto found = turns_.upper_bound({turn, std::numeric_limits<std::uint64_t>::max()});
  return found == turns_.end() ? nullptr : &waiters_.at(found->second);
}

const Waiter* Waiters::next_that_looks() const {
  return looking_.empty() ? nullptr : &waiters_.at(looking_.begin()->second);
}

void Waiters::begin_look(Waiter& waiter) const {
  waiter.looks = true;
  waiter.seen_all = laps_ + laps_of_search;
}

void Waiters::looked(std::uint64_t session) {
  Waiter& waiter = waiters_.at(session);
  waiter.looks = false;
  looking_.erase({waiter.turn, session});
}

void Waiters::look_again(std::uint64_t mark) {
  for (auto at = marks_.lower_bound({mark, 0}); at != marks_.end() && at->first == mark; ++at) {
    Waiter& waiter = waiters_.at(at->second);
    seeking_.erase({waiter.seen_all, waiter.session});
    begin_look(waiter);
    index(waiter);
  }
}

void Waiters::look_again() {
  seeking_.clear();
  for (auto& [session, waiter] : waiters_) {
    begin_look(waiter);
    index(waiter);
  }
}

void Waiters::look_further() {
  for (const auto& [seen_all, session] : seeking_) {
    Waiter& waiter = waiters_.at(session);
    waiter.looks = true;
    looking_.emplace(waiter.turn, session);
  }
}

void Waiters::end_lap() {
  ++laps_;
  while (!seeking_.empty() && seeking_.begin()->first <= laps_) seeking_.erase(seeking_.begin());
}

void Waiters::end_search() {
  laps_ += laps_of_search;
  seeking_.clear();
}

void Waiters::index(const Waiter& waiter) {
  if (waiter.may_take()) {
    turns_.emplace(waiter.turn, waiter.session);
    if (waiter.looks) looking_.emplace(waiter.turn, waiter.session);
    if (waiter.seen_all > laps_) seeking_.emplace(waiter.seen_all, waiter.session);
  }
  if (waiter.offer) marks_.emplace(waiter.mark, waiter.session);
  if (!waiter.request) return;
  for (const auto& listener : waiter.request->listeners) {
    listening_[listener.session] = waiter.session;
  }
  if (!waiter.request->request_id.empty()) requests_[waiter.request->request_id] = waiter.session;
}

void Waiters::unindex(const Waiter& waiter) {
  turns_.erase({waiter.turn, waiter.session});
  looking_.erase({waiter.turn, waiter.session});
  seeking_.erase({waiter.seen_all, waiter.session});
  marks_.erase({waiter.mark, waiter.session});
  if (!waiter.request) return;
  for (const auto& listener : waiter.request->listeners) listening_.erase(listener.session);
  requests_.erase(waiter.request->request_id);
}

void Waiters::remember(std::uint64_t session) {
  const auto [before, first] = before_.try_emplace(session);
  if (!first) return;
  const auto found = waiters_.find(session);
  if (found != waiters_.end()) before->second = found->second;
}

void Waiters::put(Waiter waiter) {
  remember(waiter.session);
  const auto [place, fresh] = waiters_.try_emplace(waiter.session);
  // Who could not take anything has not looked meanwhile.
  const Waiter& known = place->second;
  if (fresh || !known.may_take() || known.offer != waiter.offer) begin_look(waiter);
  if (!fresh) unindex(known);
  place->second = std::move(waiter);
  index(place->second);
}

void Waiters::remove(std::uint64_t session) {
  const auto found = waiters_.find(session);
  if (found == waiters_.end()) return;
  remember(session);
  unindex(found->second);
  waiters_.erase(found);
}

void Waiters::undo() {
  for (auto& [session, waiter] : before_) {
    const auto found = waiters_.find(session);
    if (found != waiters_.end()) {
      unindex(found->second);
      waiters_.erase(found);
    }
  }
  for (auto& [session, waiter] : before_) {
    if (waiter) index(waiters_.emplace(session, std::move(*waiter)).first->second);
  }
  before_.clear();
}

}  // namespace troupe::task_queue
