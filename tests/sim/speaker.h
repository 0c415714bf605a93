// What simulated clients and workers can do in their world.
#pragma once

#include "runtime/sim/sim_host.h"
#include "tests/sim/command.h"
#include "tests/sim/model.h"
#include "tests/sim/queues.h"

namespace troupe::sim {

/// A connection: what is said over one arrives in order.
using WireId = std::uint64_t;

class Speaker {
 public:
  virtual ~Speaker() = default;
  virtual Random& random() = 0;
  virtual Instant now() = 0;
  virtual Model& model() = 0;
  virtual Queues& queues() = 0;
  /// Puts a command on a wire; it arrives later, or never.
  virtual void say(Command command, WireId wire) = 0;
  virtual WireId new_wire() = 0;
  /// Whether anything may still go wrong; else all do what leads to the end.
  virtual bool faulty() const = 0;

  bool one_in(std::uint64_t times) { return below(random(), times) == 0; }
  template <class T>
  const T& any_of(const std::vector<T>& all) {
    return all[below(random(), all.size())];
  }
};

}  // namespace troupe::sim
