// The CAF actors of a host: durable actors and their supervisors.
#pragma once

#include "runtime/actor/cell.h"
#include "runtime/actor/directory.h"
#include "runtime/actor/restart_intensity.h"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace troupe {

struct WakeActor {};       // deliveries wait in the mailbox of the entry
struct PassivateActor {};  // leave memory if nothing speaks against it
struct ActivateActor {     // spawn the actor of this entry
  std::shared_ptr<Entry> entry;
  std::uint64_t after = 0;  // once this place of the committer's queue is on disk
};
struct GetKinds {};   // how many supervisors of kinds live
struct SweepIdle {};  // look for actors that may be passivated

/// What supervisors and actors share; borrowed from the host, which outlives them.
struct ShellServices {
  const CellServices& cells;
  Directory& directory;
  Duration idle_after;
  std::size_t actors_max;
  std::atomic<std::uint64_t>& activations;
  std::atomic<std::uint64_t>& passivations;
  std::atomic<std::uint64_t>& restarts;
};

using DurableShell = caf::typed_actor<caf::reacts_to<WakeActor>, caf::reacts_to<PassivateActor>>;

using KindSupervisor = caf::typed_actor<caf::reacts_to<ActivateActor>, caf::reacts_to<SweepIdle>>;

struct KindSupervisorState {
  std::map<caf::actor_addr, std::shared_ptr<Entry>> children;
  RestartIntensity intensity;
  std::size_t sweep_slice = 0;
};

using ShardSupervisor = caf::typed_actor<caf::replies_to<GetKinds>::with<std::size_t>>;

struct ShardSupervisorState {
  std::map<caf::actor_addr, std::size_t> children;  // index of the kind
};

/// What the shard's supervisor needs to know; constant, borrowed.
struct ShardPlan {
  const std::vector<Kind>& kinds;
  const ShellServices& services;
  std::function<void(std::size_t kind_index, KindSupervisor supervisor)> started;
  std::function<void(const std::string& why)> escalate;  // the node's last resort
};

/// Starts a supervisor for each kind; escalates when one of them gives up.
ShardSupervisor::behavior_type shard_supervisor(
    ShardSupervisor::stateful_pointer<ShardSupervisorState> self, const ShardPlan* plan);

/// Activates, restarts and passivates the actors of one kind. Ends with an error when they fail too
/// often: whoever monitors it escalates.
KindSupervisor::behavior_type kind_supervisor(
    KindSupervisor::stateful_pointer<KindSupervisorState> self,
    const Kind* kind,
    const ShellServices* services);

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::WakeActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::PassivateActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::ActivateActor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::GetKinds)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::SweepIdle)
