#include "runtime/http/waiting.h"

namespace troupe::http {

Waiting::Place::Place(Waiting& all)
    : all_(all),
      begun_(all.timer_.now()),
      self_{this},
      place_(self_.begin()),
      has_to_leave_(nullptr) {
  auto pair = kj::newPromiseAndFulfiller<void>();
  has_to_leave_ = kj::mv(pair.promise);
  leave_ = kj::mv(pair.fulfiller);
  wait(Sends::first_request);
}

Waiting::Place::~Place() {
  stop_waiting();
}

void Waiting::Place::wait(Sends what) {
  if (leave_.get() == nullptr) return;
  auto& list = all_.list_of(what);
  if (among_ == &list && what != Sends::body) return;
  list.splice(list.end(), among_ == nullptr ? self_ : *among_, place_);
  among_ = &list;
}

void Waiting::Place::stop_waiting() {
  if (among_ == nullptr) return;
  self_.splice(self_.end(), *among_, place_);
  among_ = nullptr;
}

bool Waiting::end_one() {
  std::list<Place*>* from = &silent_;
  const bool spared = !silent_.empty() && timer_.now() - silent_.front()->begun_ < newcomer_time;
  if (silent_.empty() || spared) {
    if (!stalled_.empty()) from = &stalled_;
    if (!idle_.empty()) from = &idle_;
  }
  if (from->empty()) return false;
  Place& oldest = *from->front();
  oldest.stop_waiting();
  auto leave = kj::mv(oldest.leave_);
  leave->fulfill();
  return true;
}

std::list<Waiting::Place*>& Waiting::list_of(Sends what) {
  switch (what) {
    case Sends::first_request: return silent_;
    case Sends::next_request: return idle_;
    case Sends::body: return stalled_;
  }
  return silent_;
}

}  // namespace troupe::http
