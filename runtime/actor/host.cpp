#include "runtime/actor/host.h"

#include "runtime/actor/recovery.h"
#include "runtime/actor/shell.h"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <map>
#include <mutex>

namespace troupe {
namespace {

// CAF's defaults (unlimited throughput, work stealing) do not fit many short handlers.
caf::actor_system_config& configure(caf::actor_system_config& config, std::size_t threads) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", threads);
  config.set("scheduler.max-throughput", std::size_t{32});
  config.set("logger.verbosity", caf::atom("quiet"));
  return config;
}

// The edges that wait for replies.
class EdgeTable {
 public:
  std::uint32_t add(ReplySink& sink) {
    const std::lock_guard lock(mutex_);
    edges_[++last_] = &sink;
    return last_;
  }
  void remove(std::uint32_t edge) {
    const std::lock_guard lock(mutex_);
    edges_.erase(edge);
  }
  void release(std::vector<Reply> replies) {
    const std::lock_guard lock(mutex_);
    for (auto& reply : replies) {
      const auto found = edges_.find(reply.to.edge);
      if (found == edges_.end()) continue;
      std::vector<Reply> one;
      one.push_back(std::move(reply));
      found->second->take(std::move(one));
    }
  }

 private:
  std::mutex mutex_;
  std::uint32_t last_ = 0;
  std::map<std::uint32_t, ReplySink*> edges_;
};

class EventWatchers {
 public:
  std::uint64_t add(std::function<void(std::uint64_t)> notify) {
    const std::lock_guard lock(mutex_);
    watchers_[++last_] = std::move(notify);
    return last_;
  }
  void remove(std::uint64_t watch) {
    const std::lock_guard lock(mutex_);
    watchers_.erase(watch);
  }
  void notify(std::uint64_t last_event) {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, watcher] : watchers_) watcher(last_event);
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::function<void(std::uint64_t)>> watchers_;
};

class ShardHost final : public Host {
 public:
  ShardHost(const Clock& clock, std::unique_ptr<Store> store, HostOptions options, HostHooks hooks)
      : clock_(clock),
        hooks_(std::move(hooks)),
        kinds_(std::move(options.kinds)),
        store_(std::move(store)),
        numbers_(store_->snapshot()->state().numbers_reserved),
        directory_([this](const std::shared_ptr<Entry>& entry) { activate(entry); }),
        timers_(clock_, *store_, numbers_, [this](Delivery d) { deliver(std::move(d)); }),
        committer_(*store_, numbers_, committer_hooks()),
        cells_{clock_,
               *store_,
               committer_,
               numbers_,
               timers_,
               [this](Delivery d) { deliver(std::move(d)); },
               [this](std::vector<Reply> replies) { edges_.release(std::move(replies)); },
               [this](const std::string& kind,
                      const std::string& event,
                      const ActorId& id,
                      const std::string& detail) {
                 if (event == "message_parked") dead_letters_.fetch_add(1);
                 hooks_.report(kind, event, id.key, detail);
               }},
        shells_{cells_,       directory_,    options.idle_after, options.actors_max,
                activations_, passivations_, restarts_},
        supervisors_(kinds_.size()),
        plan_{kinds_, shells_,
              [this](std::size_t index, KindSupervisor supervisor) {
                const std::lock_guard lock(supervisors_mutex_);
                supervisors_[index] = std::move(supervisor);
              },
              hooks_.fatal},
        system_(configure(config_, options.threads)),
        root_(system_.spawn(shard_supervisor, &plan_)) {
    dead_letters_ = store_->snapshot()->count(tables::dead_letters.id);
    // Deliveries need their kinds' supervisors.
    caf::scoped_actor self{system_};
    self->request(root_, caf::infinite, GetKinds{})
        .receive([](std::size_t) {}, [](const caf::error&) {});
    for (auto& delivery : recover_inboxes(*store_, committer_, clock_.wall_now())) {
      deliver(std::move(delivery));
    }
    if (options.prepare) options.prepare(*this);
    timers_.start(committer_);
  }

  ~ShardHost() override {
    timers_.stop();
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    root_ = nullptr;
    system_.await_all_actors_done();
    committer_.flush();
    // Handles must not outlive the system.
    supervisors_.clear();
    directory_.clear();
  }

  void ask(ActorId to, Bytes command, ReplyTo reply_to) override {
    Delivery delivery;
    delivery.to = std::move(to);
    delivery.number = numbers_.next();
    delivery.message.source = Message::Source::command;
    delivery.message.reply_to = reply_to;
    delivery.message.body = std::move(command);
    deliver(std::move(delivery));
  }

  std::uint32_t add_edge(ReplySink& sink) override { return edges_.add(sink); }
  void remove_edge(std::uint32_t edge) override { edges_.remove(edge); }
  std::unique_ptr<Snapshot> snapshot() override { return store_->snapshot(); }

  std::uint64_t watch_events(std::function<void(std::uint64_t)> notify) override {
    return watchers_.add(std::move(notify));
  }
  void unwatch_events(std::uint64_t watch) override { watchers_.remove(watch); }
  std::uint64_t last_event() const override { return committer_.last_event(); }

  void commit_rows(std::vector<RowOp> rows) override {
    Commit commit;
    commit.rows = std::move(rows);
    committer_.enqueue(std::move(commit));
  }

  HostStats stats() override {
    HostStats stats;
    stats.committer = committer_.stats();
    stats.store = store_->use();
    stats.actors = directory_.size();
    stats.activations = activations_.load();
    stats.passivations = passivations_.load();
    stats.restarts = restarts_.load();
    const auto timers = timers_.stats();
    stats.timers_fired = timers.fired;
    stats.timer_late_seconds = timers.late_seconds;
    stats.dead_letters = dead_letters_.load();
    return stats;
  }

 private:
  Committer::Hooks committer_hooks() {
    return {hooks_.fatal,
            [this](const std::string& why) { hooks_.report("store", "disk_full", "", why); },
            [this](std::uint64_t last_event) { watchers_.notify(last_event); },
            hooks_.batch_written};
  }

  void deliver(Delivery delivery) {
    directory_.deliver(std::move(delivery), clock_.elapsed().count());
  }

  void activate(const std::shared_ptr<Entry>& entry) {
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      if (kinds_[i].id != entry->id.kind) continue;
      const std::lock_guard lock(supervisors_mutex_);
      caf::anon_send(supervisors_[i], ActivateActor{entry, 0});
      return;
    }
    // A message to a kind that this program does not know: it stays in the inbox.
    hooks_.report("unknown", "kind_unknown", entry->id.key, std::to_string(entry->id.kind.value));
  }

  // Constant after construction.
  const Clock& clock_;
  const HostHooks hooks_;
  const std::vector<Kind> kinds_;

  // In the order of use: each borrows those above it.
  std::unique_ptr<Store> store_;
  Numbers numbers_;
  EdgeTable edges_;
  EventWatchers watchers_;
  std::atomic<std::uint64_t> activations_{0};
  std::atomic<std::uint64_t> passivations_{0};
  std::atomic<std::uint64_t> restarts_{0};
  std::atomic<std::uint64_t> dead_letters_{0};
  Directory directory_;
  TimerService timers_;
  Committer committer_;
  CellServices cells_;
  ShellServices shells_;
  std::mutex supervisors_mutex_;  // guards the next
  std::vector<KindSupervisor> supervisors_;
  ShardPlan plan_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  ShardSupervisor root_;
};

}  // namespace

Result<std::unique_ptr<Host>> Host::start(const Clock& clock,
                                          HostOptions options,
                                          HostHooks hooks) {
  for (const auto& kind : options.kinds) {
    options.store.tables.insert(options.store.tables.end(), kind.tables.begin(), kind.tables.end());
  }
  auto store = Store::open(options.store);
  if (!store.ok()) return store.error();
  return std::unique_ptr<Host>(std::make_unique<ShardHost>(clock, std::move(store).value(),
                                                           std::move(options), std::move(hooks)));
}

}  // namespace troupe
