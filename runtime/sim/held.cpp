#include "runtime/sim/held.h"

#include "runtime/base/assert.h"

namespace troupe::sim {

std::size_t Held::EndsHash::operator()(const Ends& ends) const {
  const std::hash<ActorId> hash;
  return hash(ends.first) * 31 + hash(ends.second);
}

void Held::add(Delivery delivery) {
  if (delivery.message.source != Message::Source::actor) {
    loose_.push_back(std::move(delivery));
    return;
  }
  const auto [place, fresh] =
      places_.try_emplace({delivery.message.from, delivery.to}, lanes_.size());
  if (fresh) lanes_.push_back({place, {}});
  lanes_[place->second].waiting.push_back(std::move(delivery));
}

bool Held::between(const ActorId& from, const ActorId& to) const {
  return places_.contains({from, to});
}

Delivery Held::take(Random& random) {
  TROUPE_EXPECTS(!empty());
  const auto chosen = below(random, loose_.size() + lanes_.size());
  if (chosen < loose_.size()) {
    std::swap(loose_[chosen], loose_.back());
    Delivery delivery = std::move(loose_.back());
    loose_.pop_back();
    return delivery;
  }
  const auto index = chosen - loose_.size();
  auto& waiting = lanes_[index].waiting;
  Delivery delivery = std::move(waiting.front());
  waiting.pop_front();
  if (waiting.empty()) close(index);
  return delivery;
}

void Held::close(std::size_t index) {
  places_.erase(lanes_[index].place);
  if (index + 1 != lanes_.size()) {
    lanes_[index] = std::move(lanes_.back());
    lanes_[index].place->second = index;
  }
  lanes_.pop_back();
}

void Held::clear() {
  loose_.clear();
  lanes_.clear();
  places_.clear();
}

}  // namespace troupe::sim
