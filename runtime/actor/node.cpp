#include "runtime/actor/node.h"

#include "runtime/actor/recovery.h"
#include "runtime/actor/sharded_snapshot.h"
#include "runtime/store/lmdb_values.h"
#include "runtime/store/shards.h"

#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

// How long an answer to "is there room for creations" is good for.
constexpr Duration room_age_max{100};

// With so many timers under way no further portion of those that are due fires: a million that came
// due while nothing ran leave room for everybody else.
constexpr std::size_t timers_under_way_max = 192;

// CAF's defaults (unlimited throughput, work stealing) do not fit many short handlers.
caf::actor_system_config& configure(caf::actor_system_config& config,
                                    std::size_t threads,
                                    bool steps) {
  config.set("scheduler.policy", steps ? caf::atom("testing") : caf::atom("sharing"));
  config.set("scheduler.max-threads", threads);
  config.set("scheduler.max-throughput", std::size_t{32});
  config.set("logger.verbosity", caf::atom("quiet"));
  return config;
}

void run_jobs(caf::actor_system& system) {
  dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler()).run();
}

}  // namespace

ShardLinks Node::links_of(std::uint32_t index) {
  ShardLinks links;
  links.deliver = [this, index](Delivery d) {
    if (d.message.from == d.to) {
      go_on_later(index, std::move(d));
    } else {
      deliver(std::move(d));
    }
  };
  links.wake = [this](Delivery d) {
    d.credit = credit_for_timer();
    deliver(std::move(d));
  };
  links.may_wake = [this] { return credits_.any_left() && timers_under_way_.any_left(); };
  links.activate = [this, index](const std::shared_ptr<Entry>& entry) {
    activate(*shards_[index], entry);
  };
  links.reply = [this](std::vector<Reply> replies) { edges_.gather(std::move(replies)); };
  links.hand_over = [this, index](std::uint32_t to, std::uint64_t place, Delivery d) {
    recovered_.wait();
    shards_[to]->shard.channels.receive(index, place, std::move(d));
  };
  links.acknowledge = [this, index](std::uint32_t shard, std::uint64_t place) {
    shards_[shard]->shard.channels.acknowledged(index, place);
  };
  links.report = [this](const std::string& kind, const std::string& event, const ActorId& id,
                        const std::string& detail) { hooks_.report(kind, event, id.key, detail); };
  links.committer = {
      hooks_.fatal,
      [this](const std::string& why) { hooks_.report("store", "disk_full", "", why); },
      [this] { edges_.release(); },
      [this](std::uint64_t) { watchers_.notify(); },
      hooks_.batch_written,
      hooks_.batch_landed};
  return links;
}

Node::Running::Running(Node& node,
                       std::unique_ptr<Store> store,
                       ShardPlace place,
                       std::shared_ptr<LatestCount> latest,
                       Committer::Drive drive)
    : shard(node.clock_,
            std::move(store),
            node.suspects_,
            place,
            std::move(latest),
            node.options_.timers,
            drive,
            node.links_of(place.index)),
      shells{shard.cells,
             shard.directory,
             node.options_.idle_after,
             node.options_.actors_max,
             node.activations_,
             node.passivations_,
             node.restarts_},
      supervisors(node.options_.kinds.size()),
      plan{node.options_.kinds, shells,
           [this](std::size_t index, KindSupervisor supervisor) {
             const std::lock_guard lock(mutex);
             supervisors[index] = std::move(supervisor);
           },
           node.hooks_.fatal} {}

Node::Node(const Clock& clock,
           std::vector<std::unique_ptr<Store>> stores,
           HostOptions options,
           HostHooks hooks,
           NodeDrive drive)
    : clock_(clock),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      drive_(std::move(drive)),
      credits_(options_.credits),
      timers_under_way_(timers_under_way_max),
      suspects_(drive_.suspects_file),
      system_(configure(config_, options_.threads, drive_.steps)) {
  if (!suspects_.problem().empty()) {
    hooks_.report("host", "suspects_not_kept", "", suspects_.problem());
  }
  const ShardPlace all{0, static_cast<std::uint32_t>(stores.size())};
  const auto by = drive_.steps ? Committer::Drive::steps : Committer::Drive::thread;
  const auto latest = std::make_shared<LatestCount>();
  for (std::uint32_t i = 0; i < all.count; ++i) {
    shards_.push_back(std::make_unique<Running>(*this, std::move(stores[i]),
                                                ShardPlace{i, all.count}, latest, by));
  }
  const auto credit_returned = [this] {
    for (auto& running : shards_) running->shard.timer_service.credit_returned();
  };
  credits_.on_freed(credit_returned);
  timers_under_way_.on_freed(credit_returned);
  try {
    start_supervisors();
    recover();
    recovered_.count_down();
    if (options_.prepare) options_.prepare(*this);
    for (auto& running : shards_) {
      if (!drive_.steps) running->shard.timer_service.start();
    }
  } catch (...) {  // damaged rows: CAF would wait for the supervisors for ever
    if (!recovered_.try_wait()) recovered_.count_down();
    end();
    throw;
  }
}

Node::~Node() {
  end();
}

void Node::end() {
  for (auto& running : shards_) {
    running->shard.timer_service.stop();
    if (drive_.steps) running->shard.directory.drop_mail();
  }
  for (auto& running : shards_) {
    caf::anon_send_exit(running->root, caf::exit_reason::user_shutdown);
    running->root = nullptr;
  }
  if (drive_.steps) run_jobs(system_);
  system_.await_all_actors_done();
  // What one shard lands may be handed to the others: they end together.
  for (auto& running : shards_) running->shard.committer.stop();
  credits_.on_freed(nullptr);
  timers_under_way_.on_freed(nullptr);
  for (auto& running : shards_) {
    // Handles must not outlive the system.
    running->supervisors.clear();
    running->shard.directory.clear();
  }
}

// Deliveries need their kinds' supervisors.
void Node::start_supervisors() {
  for (auto& running : shards_) running->root = system_.spawn(shard_supervisor, &running->plan);
  if (drive_.steps) {
    run_jobs(system_);
    return;
  }
  caf::scoped_actor self{system_};
  for (auto& running : shards_) {
    self->request(running->root, caf::infinite, GetKinds{})
        .receive([](std::size_t) {}, [](const caf::error&) {});
  }
}

// What was in an inbox was taken before what is still in the outbox of its sender.
void Node::recover() {
  const auto let_in = [this](Delivery& delivery) { delivery.credit = credits_.take(); };
  for (auto& running : shards_) {
    auto& shard = running->shard;
    for (auto& delivery : recover_inboxes(*shard.store)) {
      let_in(delivery);
      deliver_now(std::move(delivery));
    }
  }
  for (std::uint32_t from = 0; from < shards(); ++from) {
    for (auto& posted : shards_[from]->shard.channels.unacknowledged()) {
      let_in(posted.delivery);
      shards_.at(posted.to_shard)
          ->shard.channels.receive(from, posted.place, std::move(posted.delivery));
    }
  }
}

void Node::deliver(Delivery delivery) {
  if (drive_.hold && drive_.hold(delivery)) return;
  deliver_now(std::move(delivery));
}

// A message to itself is the next slice of something large. Memory runs ahead of the disk, so it
// waits until what is queued now has landed: nobody's answer waits behind all slices at once.
void Node::go_on_later(std::uint32_t shard, Delivery delivery) {
  Commit commit;
  commit.credit = delivery.credit;
  commit.outputs.push_back(
      [this, delivery = std::move(delivery)]() mutable { deliver(std::move(delivery)); });
  shards_[shard]->shard.committer.enqueue(std::move(commit));
}

Credit Node::credit_for_timer() {
  struct Both {
    Credit any;
    Credit timer;
  };
  return std::make_shared<const Both>(Both{credits_.take(), timers_under_way_.take()});
}

void Node::deliver_now(Delivery delivery) {
  const auto shard = shard_of(delivery.to, shards());
  shards_[shard]->shard.directory.deliver(std::move(delivery), clock_.elapsed().count());
}

void Node::activate(Running& running, const std::shared_ptr<Entry>& entry) {
  const auto& kinds = options_.kinds;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i].id != entry->id.kind) continue;
    const std::lock_guard lock(running.mutex);
    caf::anon_send(running.supervisors[i], ActivateActor{entry, 0});
    return;
  }
  // A message to a kind that this program does not know: it stays in the inbox.
  hooks_.report("unknown", "kind_unknown", entry->id.key, std::to_string(entry->id.kind.value));
}

bool Node::has_room() {
  const auto now = clock_.elapsed().count();
  if (now - room_checked_ms_.load() > room_age_max.count()) {
    room_checked_ms_ = now;
    has_room_ = std::ranges::none_of(shards_, [](auto& r) { return r->shard.store->use().low; });
  }
  return has_room_;
}

void Node::ask(ActorId to, Bytes command, ReplyTo reply_to, Admission admission) {
  auto& shard = shards_[shard_of(to, shards())]->shard;
  Delivery delivery = shard.command(std::move(to), std::move(command), reply_to);
  const auto refuse = [&](const char* why) {
    credits_refused_.fetch_add(1, std::memory_order_relaxed);
    edges_.gather({Reply{reply_to, Error{Errc::busy, why}, false}});
    edges_.release();
  };
  if (!reply_to) {
    delivery.credit = credits_.take();
  } else if (admission == Admission::creation && !has_room()) {
    return refuse("the store is full up to its reserve: free disk space, or raise store.map_size");
  } else if (delivery.credit = credits_.try_take(); !delivery.credit) {
    return refuse("too much is under way: try again in a moment");
  }
  deliver(std::move(delivery));
}

std::unique_ptr<Snapshot> Node::shard_snapshot(std::uint32_t index) {
  return shards_.at(index)->shard.store->snapshot();
}

std::unique_ptr<Snapshot> Node::snapshot() {
  if (shards() == 1) return shard_snapshot(0);
  std::vector<std::unique_ptr<Snapshot>> snapshots;
  for (std::uint32_t i = 0; i < shards(); ++i) snapshots.push_back(shard_snapshot(i));
  return make_sharded_snapshot(std::move(snapshots));
}

std::vector<std::unique_ptr<Snapshot>> Node::cut() {
  std::vector<std::unique_lock<std::mutex>> paused;
  for (auto& running : shards_) paused.push_back(running->shard.committer.pause());
  std::vector<std::unique_ptr<Snapshot>> snapshots;
  for (std::uint32_t i = 0; i < shards(); ++i)
    snapshots.push_back(shards_[i]->shard.store->snapshot(SnapshotUse::backup));
  return snapshots;
}

std::uint64_t Node::watch_events(std::function<void()> notify) {
  return watchers_.add(std::move(notify));
}

EventPosition Node::last_events() const {
  EventPosition position;
  for (const auto& running : shards_) position.push_back(running->shard.committer.last_event());
  return position;
}

void Node::retry_dead_letter(std::uint64_t number, std::function<void(Status)> done) {
  auto& shard = shards_[shard_of_number(number, shards())]->shard;
  auto delivery = shard.letters.retry(number, std::move(done));
  if (!delivery) return;
  delivery->credit = credits_.take();
  deliver(std::move(*delivery));
}

void Node::discard_dead_letter(std::uint64_t number, std::function<void(Status)> done) {
  shards_[shard_of_number(number, shards())]->shard.letters.discard(number, std::move(done));
}

void Node::commit_rows(std::vector<RowOp> rows, std::uint32_t shard) {
  Commit commit;
  commit.rows = std::move(rows);
  shards_.at(shard)->shard.committer.enqueue(std::move(commit));
}

void Node::maintain() {
  for (auto& running : shards_) running->shard.store->maintain();
}

HostStats Node::stats() {
  HostStats stats;
  for (auto& running : shards_) {
    auto& shard = running->shard;
    const auto committer = shard.committer.stats();
    stats.committer.batches += committer.batches;
    stats.committer.commits += committer.commits;
    stats.committer.rows += committer.rows;
    stats.committer.waiting += committer.waiting;
    stats.committer.stalled = stats.committer.stalled || committer.stalled;
    stats.committer.last_batch_seconds =
        std::max(stats.committer.last_batch_seconds, committer.last_batch_seconds);
    const auto use = shard.store->use();
    stats.shard_stores.push_back(use);
    stats.store.used_bytes += use.used_bytes;
    stats.store.limit_bytes += use.limit_bytes;
    stats.store.file_bytes += use.file_bytes;
    stats.store.disk_free_bytes = use.disk_free_bytes;
    stats.store.low = stats.store.low || use.low;
    stats.store.readers += use.readers;
    stats.store.oldest_reader = std::max(stats.store.oldest_reader, use.oldest_reader);
    stats.actors += shard.directory.size();
    const auto timers = shard.timers.stats();
    stats.timers_fired += timers.fired;
    stats.timer_late_seconds = std::max(stats.timer_late_seconds, timers.late_seconds);
    stats.dead_letters += shard.store->snapshot()->count(tables::dead_letters.id);
  }
  stats.credits_in_use = credits_.in_use();
  stats.credits_refused = credits_refused_.load();
  stats.activations = activations_.load();
  stats.passivations = passivations_.load();
  stats.restarts = restarts_.load();
  return stats;
}

Result<std::unique_ptr<Host>> Host::start(const Clock& clock,
                                          HostOptions options,
                                          HostHooks hooks) {
  for (const auto& kind : options.kinds) {
    options.store.tables.insert(options.store.tables.end(), kind.tables.begin(), kind.tables.end());
  }
  options.store.clock = &clock;
  options.store.hooks.fatal = hooks.fatal;
  options.store.hooks.report = [report = hooks.report](const std::string& event,
                                                       const std::string& detail) {
    report("store", event, "", detail);
  };
  auto stores = open_shards(options.store, options.shards);
  if (!stores.ok()) return stores.error();
  NodeDrive drive;
  drive.suspects_file = options.store.directory + "/handling";
  try {
    return std::unique_ptr<Host>(std::make_unique<Node>(
        clock, std::move(stores).value(), std::move(options), std::move(hooks), std::move(drive)));
  } catch (const StoreDamaged& damage) {  // by what recovery read
    return Error{Errc::corrupt, damage.what()};
  }
}

}  // namespace troupe
