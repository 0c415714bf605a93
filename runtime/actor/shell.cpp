#include "runtime/actor/shell.h"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <exception>

namespace troupe {
namespace {

// Deliveries handled before the thread goes to the next actor.
constexpr int deliveries_per_wake = 64;
constexpr auto sweep_period = std::chrono::milliseconds{250};
constexpr auto restart_delay = std::chrono::milliseconds{20};

struct DurableShellState {
  std::shared_ptr<Entry> entry;
  std::unique_ptr<Cell> cell;
};

using ShellPointer = DurableShell::stateful_pointer<DurableShellState>;
using SupervisorPointer = KindSupervisor::stateful_pointer<KindSupervisorState>;

void on_wake(ShellPointer self) {
  for (int i = 0; i < deliveries_per_wake; ++i) {
    auto delivery = Directory::next(*self->state.entry);
    if (!delivery) return;
    self->state.cell->process(*delivery);
  }
  self->send(caf::actor_cast<DurableShell>(self), WakeActor{});
}

void on_passivate(ShellPointer self, const ShellServices& services) {
  Cell& cell = *self->state.cell;
  if (!services.directory.remove_if_idle(self->state.entry,
                                         [&cell] { return cell.can_passivate(); })) {
    return;
  }
  services.passivations.fetch_add(1, std::memory_order_relaxed);
  self->quit();
}

DurableShell::behavior_type durable_shell(ShellPointer self,
                                          const Kind* kind,
                                          const ShellServices* services,
                                          const std::shared_ptr<Entry>& entry) {
  self->state.entry = entry;
  self->state.cell = std::make_unique<Cell>(*kind, entry->id, services->cells);
  services->activations.fetch_add(1, std::memory_order_relaxed);
  return {
      [self](const WakeActor&) { on_wake(self); },
      [self, services](const PassivateActor&) { on_passivate(self, *services); },
  };
}

void on_activate(SupervisorPointer self,
                 const Kind& kind,
                 const ShellServices& services,
                 const ActivateActor& m) {
  if (services.cells.committer.durable() < m.after) {
    self->delayed_send(caf::actor_cast<KindSupervisor>(self), restart_delay, m);
    return;
  }
  const auto& entry = m.entry;
  const auto child = self->spawn(durable_shell, &kind, &services, entry);
  self->monitor(child);
  self->state.children.emplace(child.address(), entry);
  {
    const std::lock_guard lock(entry->mutex);
    entry->wake = [child] { caf::anon_send(child, WakeActor{}); };
    entry->passivate = [child] { caf::anon_send(child, PassivateActor{}); };
    entry->awake = true;
  }
  caf::anon_send(child, WakeActor{});
}

void on_child_down(SupervisorPointer self,
                   const ShellServices& services,
                   const Kind& kind,
                   const caf::down_msg& down) {
  const auto found = self->state.children.find(down.source);
  if (found == self->state.children.end()) return;
  const auto entry = found->second;
  self->state.children.erase(found);
  if (!down.reason || down.reason == caf::exit_reason::normal ||
      down.reason == caf::exit_reason::user_shutdown) {
    return;
  }
  services.restarts.fetch_add(1, std::memory_order_relaxed);
  const std::string why = self->home_system().render(down.reason);
  services.cells.report(kind.name, "actor_restarted", entry->id, why);
  if (!self->state.intensity.allow(services.cells.clock.elapsed())) {
    self->quit(caf::exit_reason::unhandled_exception);
    return;
  }
  // Its rows are read again, so what it handed to the committer must be on disk first.
  const auto barrier = services.cells.committer.enqueue({});
  self->delayed_send(caf::actor_cast<KindSupervisor>(self), restart_delay,
                     ActivateActor{entry, barrier});
}

void on_sweep(SupervisorPointer self, const Kind& kind, const ShellServices& services) {
  const auto now = services.cells.clock.elapsed();
  const bool crowded = services.directory.size() > services.actors_max;
  const Duration idle = crowded ? Duration{0} : services.idle_after;
  // A crowd is a matter of memory: then all of the directory is looked at, not a part of it.
  for (std::size_t i = 0; i < (crowded ? Directory::slices : 1); ++i) {
    for (const auto& entry :
         services.directory.idle(kind.id, (now - idle).count(), self->state.sweep_slice++)) {
      const std::lock_guard lock(entry->mutex);
      if (entry->passivate) entry->passivate();
    }
  }
  self->delayed_send(caf::actor_cast<KindSupervisor>(self), sweep_period, SweepIdle{});
}

using ShardPointer = ShardSupervisor::stateful_pointer<ShardSupervisorState>;

// Actors are asked to end; what they handed to the committer lands all the same.
template <class Pointer>
void end_with_children(Pointer self, const caf::exit_msg& exit) {
  for (const auto& [address, what] : self->state.children) {
    caf::anon_send_exit(address, caf::exit_reason::user_shutdown);
  }
  self->quit(exit.reason);
}

void start_kind(ShardPointer self, const ShardPlan& plan, std::size_t index) {
  const auto child = self->spawn(kind_supervisor, &plan.kinds[index], &plan.services);
  self->monitor(child);
  self->state.children.emplace(child.address(), index);
  plan.started(index, child);
}

void on_kind_down(ShardPointer self, const ShardPlan& plan, const caf::down_msg& down) {
  const auto found = self->state.children.find(down.source);
  if (found == self->state.children.end()) return;
  const auto index = found->second;
  self->state.children.erase(found);
  if (down.reason == caf::exit_reason::user_shutdown) return;
  // The kind's own supervisor has given up: another start would repeat what failed. All that is
  // acknowledged is on disk, so the process ends and recovery is the repair.
  plan.escalate("actors of kind " + plan.kinds[index].name + " keep failing");
}

}  // namespace

ShardSupervisor::behavior_type shard_supervisor(ShardPointer self, const ShardPlan* plan) {
  self->set_down_handler(
      [self, plan](const caf::down_msg& down) { on_kind_down(self, *plan, down); });
  self->set_exit_handler([self](const caf::exit_msg& exit) { end_with_children(self, exit); });
  for (std::size_t index = 0; index < plan->kinds.size(); ++index) {
    start_kind(self, *plan, index);
  }
  return {[self](const GetKinds&) { return self->state.children.size(); }};
}

KindSupervisor::behavior_type kind_supervisor(SupervisorPointer self,
                                              const Kind* kind,
                                              const ShellServices* services) {
  self->set_down_handler([self, kind, services](const caf::down_msg& down) {
    on_child_down(self, *services, *kind, down);
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) { end_with_children(self, exit); });
  self->delayed_send(caf::actor_cast<KindSupervisor>(self), sweep_period, SweepIdle{});
  return {
      [self, kind, services](const ActivateActor& m) { on_activate(self, *kind, *services, m); },
      [self, kind, services](const SweepIdle&) { on_sweep(self, *kind, *services); },
  };
}

}  // namespace troupe
