// The host as it is: shards, and the CAF actors that run them. `Host::start` makes one that runs by
// itself; the simulation makes one that moves step by step.
#pragma once

#include "runtime/actor/credits.h"
#include "runtime/actor/edge_table.h"
#include "runtime/actor/host.h"
#include "runtime/actor/shard.h"
#include "runtime/actor/shell.h"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <vector>

namespace troupe {

/// How a node is driven. Without `hold` and `steps`: by its own threads.
struct NodeDrive {
  /// Nothing runs by itself: committers and timers move by their `step`s, actors by the jobs of
  /// CAF's test coordinator.
  bool steps = false;
  /// Asked before each delivery of a message; true: the asker has taken it, and calls
  /// `Node::deliver_now` later.
  std::function<bool(Delivery&)> hold;
  /// Where `Suspects` keeps what outlives the process; empty: nowhere.
  std::string suspects_file = {};
};

class Node final : public Host {
 public:
  /// Borrows `clock`. One store a shard, in order.
  Node(const Clock& clock,
       std::vector<std::unique_ptr<Store>> stores,
       HostOptions options,
       HostHooks hooks,
       NodeDrive drive = {});
  /// What was handed over still lands; in steps nothing does: a crash.
  ~Node() override;

  void ask(ActorId to, Bytes command, ReplyTo reply_to, Admission admission) override;
  std::uint32_t add_edge(ReplySink& sink) override { return edges_.add(sink); }
  void remove_edge(std::uint32_t edge) override { edges_.remove(edge); }
  std::uint32_t shards() const override { return static_cast<std::uint32_t>(shards_.size()); }
  std::unique_ptr<Snapshot> snapshot() override;
  std::unique_ptr<Snapshot> shard_snapshot(std::uint32_t shard) override;
  std::vector<std::unique_ptr<Snapshot>> cut() override;
  std::uint64_t watch_events(std::function<void()> notify) override;
  void unwatch_events(std::uint64_t watch) override { watchers_.remove(watch); }
  EventPosition last_events() const override;
  void retry_dead_letter(std::uint64_t number, std::function<void(Status)> done) override;
  void discard_dead_letter(std::uint64_t number, std::function<void(Status)> done) override;
  void commit_rows(std::vector<RowOp> rows, std::uint32_t shard) override;
  void maintain() override;
  HostStats stats() override;

  /// Puts a message into its actor's mailbox.
  void deliver_now(Delivery delivery);

  Shard& shard(std::uint32_t index) { return shards_.at(index)->shard; }
  caf::actor_system& system() { return system_; }

 private:
  // A shard and the actors that run it.
  struct Running {
    Running(Node& node,
            std::unique_ptr<Store> store,
            ShardPlace place,
            std::shared_ptr<LatestCount> latest,
            Committer::Drive drive);

    Shard shard;
    ShellServices shells;
    std::mutex mutex;  // guards the next
    std::vector<KindSupervisor> supervisors;
    ShardPlan plan;
    ShardSupervisor root;
  };

  ShardLinks links_of(std::uint32_t index);
  void deliver(Delivery delivery);
  void go_on_later(std::uint32_t shard, Delivery delivery);
  Credit credit_for_timer();
  void activate(Running& running, const std::shared_ptr<Entry>& entry);
  void end();
  void start_supervisors();
  void recover();
  bool has_room();

  // Constant after construction.
  const Clock& clock_;
  const HostOptions options_;
  const HostHooks hooks_;
  const NodeDrive drive_;

  Credits credits_;
  Credits timers_under_way_;  // what they set going included
  Suspects suspects_;
  EdgeTable edges_;
  EventWatchers watchers_;
  std::atomic<std::uint64_t> credits_refused_{0};
  std::atomic<std::uint64_t> activations_{0};
  std::atomic<std::uint64_t> passivations_{0};
  std::atomic<std::uint64_t> restarts_{0};
  std::atomic<std::int64_t> room_checked_ms_{-1'000'000};  // elapsed time
  std::atomic<bool> has_room_{true};
  // Until then no channel may go on: what is sent again comes first.
  std::latch recovered_{1};
  std::vector<std::unique_ptr<Running>> shards_;
  caf::actor_system_config config_;
  caf::actor_system system_;
};

}  // namespace troupe
