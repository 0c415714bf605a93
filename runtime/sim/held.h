// Deliveries on their way: put in as they are sent, taken out in random order. Messages from one
// actor to another keep theirs; commands and timers have none.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/sim/random.h"

#include <cstddef>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::sim {

class Held {
 public:
  void add(Delivery delivery);

  /// One of those that may come next. Requires that there is one.
  Delivery take(Random& random);

  /// Whether a message between these two waits.
  bool between(const ActorId& from, const ActorId& to) const;

  bool empty() const { return loose_.empty() && lanes_.empty(); }
  void clear();

 private:
  using Ends = std::pair<ActorId, ActorId>;  // from, to
  struct EndsHash {
    std::size_t operator()(const Ends& ends) const;
  };
  // Found by a table from whose order nothing is read.
  using Places = std::unordered_map<Ends, std::size_t, EndsHash>;
  struct Lane {
    Places::iterator place;
    std::deque<Delivery> waiting;
  };

  void close(std::size_t index);

  std::vector<Delivery> loose_;  // of no order
  std::vector<Lane> lanes_;      // none is empty
  Places places_;                // in `lanes_`
};

}  // namespace troupe::sim
