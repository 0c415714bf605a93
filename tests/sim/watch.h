// Kinds of actors as they are, with somebody who looks on: what each message came to.
#pragma once

#include "runtime/actor/durable_actor.h"

#include <functional>

namespace troupe::sim {

/// Called after each message; `outcome` is what the handler answered.
using Watcher = std::function<void(
    const ActorId& self, const Message& message, const Result<Effects>& outcome)>;

/// `kind`, watched. `watcher` outlives its actors.
Kind watched(Kind kind, const Watcher& watcher);

}  // namespace troupe::sim
