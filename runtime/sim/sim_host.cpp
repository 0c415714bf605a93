#include "runtime/sim/sim_host.h"

#include "runtime/actor/node.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/sim/faulty_store.h"
#include "runtime/sim/held.h"
#include "runtime/store/shards.h"

#include <caf/scheduler/test_coordinator.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace troupe::sim {
namespace {

// The sorts of steps.
enum Move : std::size_t { job, delivery, commit, timers, time, timeout, moves };

// How likely each sort is, for some hundreds of steps: now the disk is slow, now the mail, now an
// afternoon goes by between two messages.
using Mood = std::array<std::uint64_t, moves>;
constexpr Mood even = {16, 16, 8, 8, 0, 0};
constexpr std::uint64_t mood_steps_max = 512;

// A send in this many is received at once, before its sender goes on, as another thread would.
constexpr std::uint64_t overtake_one_in = 16;
constexpr std::size_t overtake_jobs = 6;

// The first of these rounds may start an actor that waited for its restart; the second ends it.
constexpr int quiet_rounds = 2;

/// A folder that is there for this run.
class Folder {
 public:
  explicit Folder(const std::string& given) : path_(given), own_(given.empty()) {
    if (!own_) return;
    const std::string fast = "/dev/shm";
    const auto parent =
        access(fast.c_str(), W_OK) == 0 ? fast : std::filesystem::temp_directory_path().string();
    path_ = parent + "/troupe-sim-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) {
      throw std::runtime_error("cannot make a folder in " + parent + ": " +
                               std::generic_category().message(errno));
    }
  }
  ~Folder() {
    std::error_code ignored;
    if (own_) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  const bool own_;
};

}  // namespace

class SimHost::Impl final : private ReplySink {
 public:
  explicit Impl(SimOptions options)
      : options_(std::move(options)),
        random_(options_.seed),
        folder_(options_.directory),
        faults_(options_.faults) {
    // An LMDB environment takes 2 MiB that it hardly uses: mapped, they need not be cleared for
    // each life.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);  // NOLINT: no other thread yet
    for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
      files_.push_back(
          std::make_unique<TornFile>(shard_directory(folder_.path(), shard) + "/data.mdb"));
    }
    live();
  }
  ~Impl() override { end(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool step(bool time_passes);
  bool settle(std::uint64_t most);
  void crash();
  void set_faults(Faults faults) { faults_ = faults; }

  Host& host() { return *node_; }
  std::uint32_t edge() const { return edge_; }
  Random& random() { return random_; }
  ManualClock& clock() { return clock_; }
  void step_clock(Duration by);
  void wake_at(Duration elapsed) { wakes_.insert(elapsed); }
  SimCounts counts() const;
  std::string state_hash();

 private:
  // ReplySink
  void take(std::vector<Reply> replies) override;

  void start();
  void live();
  bool any_mail(const std::vector<std::unique_ptr<Store>>& stores);
  void notice_clock();
  void end();
  std::vector<std::unique_ptr<Store>> open_stores();
  HostHooks hooks();
  void fatal(const std::string& why);
  CommitFault next_fault();
  CommitFault next_recovery_fault();

  Mood chances(bool time_passes);
  void change_mood();
  void move(Move what);
  bool rest(bool time_passes);

  bool hold(Delivery& delivery);
  void deliver_one();
  void run_job(std::size_t index);
  void run_ahead(Delivery delivery);
  void write_batch();
  void fire_timers();
  void pass(Duration time);
  void pass_some_time();

  Committer& committer(std::uint32_t shard) { return node_->shard(shard).committer; }
  template <class Rule>
  std::vector<std::uint32_t> shards_where(Rule rule);
  std::vector<std::uint32_t> writing();
  std::vector<std::uint32_t> firing();
  std::optional<Duration> wait_of(Shard& shard);

  const SimOptions options_;
  Random random_;
  ManualClock clock_;
  const Folder folder_;
  std::vector<std::unique_ptr<TornFile>> files_;  // by shard
  Faults faults_;
  std::uint32_t full_commits_ = 0;  // that will still find the disk full
  std::multiset<Duration> wakes_;   // by time elapsed
  SimCounts counts_;                // passivations: of earlier lives

  Mood mood_ = even;
  std::uint64_t mood_until_ = 0;  // this step
  int quiet_ = 0;                 // rounds of CAF's timeouts in which nothing happened
  int job_depth_ = 0;
  bool starting_ = false;
  std::uint32_t start_commits_ = 0;  // of the start under way
  bool mail_waits_ = false;          // an inbox had messages at the start
  bool ghost_ = false;               // gone in the middle of its start: nothing of it is real
  bool committing_ = false;
  bool doomed_ = false;  // the platform has ended itself

  // Of this life.
  Held held_;
  std::unique_ptr<Node> node_;
  caf::scheduler::test_coordinator* caf_ = nullptr;
  std::uint32_t edge_ = 0;
};

// ---- Lives ----

std::vector<std::unique_ptr<Store>> SimHost::Impl::open_stores() {
  StoreOptions store;
  store.directory = folder_.path();
  store.clock = &clock_;
  store.reserve_bytes = 0;
  store.sync = false;  // a crash is not a power cut here: what may be lost is taken away by hand
  for (const auto& kind : options_.kinds) {
    store.tables.insert(store.tables.end(), kind.tables.begin(), kind.tables.end());
  }
  auto opened = open_shards(store, options_.shards);
  if (!opened.ok()) {
    throw std::runtime_error("the simulated store does not open: " + opened.error().detail);
  }
  std::vector<std::unique_ptr<Store>> stores;
  for (auto& one : opened.value()) {
    stores.push_back(std::make_unique<FaultyStore>(std::move(one), *files_[stores.size()], random_,
                                                   [this] { return next_fault(); }));
  }
  return stores;
}

HostHooks SimHost::Impl::hooks() {
  HostHooks hooks;
  hooks.fatal = [this](const std::string& why) { fatal(why); };
  hooks.report = [this](const std::string& kind, const std::string& event, const std::string& actor,
                        const std::string& detail) {
    if (options_.report) options_.report(kind, event, actor, detail);
  };
  return hooks;
}

void SimHost::Impl::fatal(const std::string& why) {
  if (options_.report) options_.report("node", "process_ended", "", why);
  // The committer does not come back from this; a supervisor does, and must.
  if (committing_) throw ProcessGone{};
  doomed_ = true;
}

void SimHost::Impl::start() {
  HostOptions host;
  host.kinds = options_.kinds;
  host.shards = options_.shards;
  host.idle_after = options_.idle_after;
  host.threads = 1;
  host.prepare = options_.prepare;
  auto stores = open_stores();
  mail_waits_ = any_mail(stores);
  start_commits_ = 0;
  starting_ = true;
  node_ = std::make_unique<Node>(
      clock_, std::move(stores), std::move(host), hooks(),
      NodeDrive{true, [this](Delivery& delivery) { return hold(delivery); }});
  starting_ = false;
  caf_ = dynamic_cast<caf::scheduler::test_coordinator*>(&node_->system().scheduler());
  edge_ = node_->add_edge(*this);
}

// Starts again and again until a start survives its own recovery.
void SimHost::Impl::live() {
  start();
  while (ghost_) {
    counts_.crashes += 1;
    counts_.recovery_crashes += 1;
    end();
    for (auto& file : files_) file->crash();
    start();
  }
  notice_clock();
}

bool SimHost::Impl::any_mail(const std::vector<std::unique_ptr<Store>>& stores) {
  return std::ranges::any_of(stores, [](const auto& store) {
    return store->snapshot(SnapshotUse::query)->count(tables::inbox.id) > 0;
  });
}

// What the timers' threads do when they begin, and when the clock is stepped.
void SimHost::Impl::notice_clock() {
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    node_->shard(shard).timer_service.step(0);
  }
}

void SimHost::Impl::step_clock(Duration by) {
  counts_.clock_steps += 1;
  clock_.set_wall(clock_.wall_now() + by);
  notice_clock();
}

void SimHost::Impl::end() {
  counts_.passivations += node_->stats().passivations;
  node_->remove_edge(edge_);
  held_.clear();  // gives its credits back to the node
  node_.reset();
  full_commits_ = 0;
  doomed_ = false;
  ghost_ = false;
}

void SimHost::Impl::crash() {
  counts_.crashes += 1;
  end();
  for (auto& file : files_) file->crash();
  if (options_.crashed) options_.crashed();
  live();
  if (options_.restarted) options_.restarted();
}

void SimHost::Impl::take(std::vector<Reply> replies) {
  if (!options_.reply) return;
  for (auto& reply : replies) options_.reply(std::move(reply));
}

// ---- Faults ----

CommitFault SimHost::Impl::next_fault() {
  if (ghost_) return CommitFault::ghost;
  if (starting_) return next_recovery_fault();
  if (full_commits_ > 0) {
    full_commits_ -= 1;
    return CommitFault::full;
  }
  if (happens(random_, faults_.disk_full)) {
    counts_.disk_full += 1;
    full_commits_ = static_cast<std::uint32_t>(below(random_, 16));
    return CommitFault::full;
  }
  if (happens(random_, faults_.sync_fails)) {
    counts_.syncs_failed += 1;
    return CommitFault::sync_fails;
  }
  if (!happens(random_, faults_.crash_commit)) return CommitFault::none;
  switch (below(random_, 3)) {
    case 0: return CommitFault::crash_before;
    case 1: return CommitFault::crash_after;
    default: counts_.torn += 1; return CommitFault::crash_within;
  }
}

// A start that crashes goes on as a ghost until it has returned: nothing that it does from then on
// reaches the disk or anybody. Each shard reserves its numbers first; then recovery counts the
// crash for all messages in inboxes. A start that dies in between that and their delivery would
// make them suspects, which they are not.
CommitFault SimHost::Impl::next_recovery_fault() {
  const auto commit = start_commits_++;
  if (!happens(random_, faults_.crash_recovery)) return CommitFault::none;
  const bool counts = mail_waits_ && commit >= options_.shards;
  if (counts && commit > options_.shards) return CommitFault::none;
  ghost_ = true;
  switch (counts ? 0 : below(random_, 3)) {
    case 0: return CommitFault::ghost;
    case 1: return CommitFault::ghost_after;
    default: counts_.torn += 1; return CommitFault::ghost_within;
  }
}

// ---- Steps ----

template <class Rule>
std::vector<std::uint32_t> SimHost::Impl::shards_where(Rule rule) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    if (rule(node_->shard(shard))) found.push_back(shard);
  }
  return found;
}

std::vector<std::uint32_t> SimHost::Impl::writing() {
  return shards_where([](Shard& shard) {
    const auto stats = shard.committer.stats();
    return stats.waiting > 0 || stats.stalled;
  });
}

// How long until its next timer is due, on either line of time.
std::optional<Duration> SimHost::Impl::wait_of(Shard& shard) {
  const auto due = shard.timers.next_due();
  std::optional<Duration> wait;
  if (due.wall) wait = *due.wall - clock_.wall_now();
  if (due.awake) wait = std::min(wait.value_or(Duration::max()), *due.awake - clock_.awake());
  return wait;
}

std::vector<std::uint32_t> SimHost::Impl::firing() {
  return shards_where([this](Shard& shard) {
    const auto wait = wait_of(shard);
    return wait && *wait <= Duration{0};
  });
}

void SimHost::Impl::change_mood() {
  if (counts_.steps < mood_until_) return;
  mood_until_ = counts_.steps + 1 + below(random_, mood_steps_max);
  for (const auto busy : {job, delivery, commit, timers}) {
    mood_[busy] = (1ULL << below(random_, 7)) / 2;  // or not at all
  }
  mood_[time] = below(random_, 3);
  mood_[timeout] = 1 + below(random_, 3);
}

// Zero for what is not there to be done.
Mood SimHost::Impl::chances(bool time_passes) {
  const std::array there = {!caf_->jobs.empty(), !held_.empty(), !writing().empty(),
                            !firing().empty()};
  const auto of_those = [&there](Mood chances) {
    for (std::size_t sort = 0; sort < there.size(); ++sort) {
      if (!there[sort]) chances[sort] = 0;
    }
    return chances;
  };
  const auto chances = of_those(time_passes ? mood_ : even);
  const auto busy = std::accumulate(chances.begin(), chances.begin() + there.size(), 0ULL);
  // Nobody is starved for the sake of a mood when there is nothing else to do.
  return busy > 0 ? chances : of_those(even);
}

bool SimHost::Impl::step(bool time_passes) {
  counts_.steps += 1;
  if (happens(random_, faults_.crash)) {
    crash();
    return true;
  }
  change_mood();
  const auto chance = chances(time_passes);
  const auto sum = std::accumulate(chance.begin(), chance.end(), std::uint64_t{0});
  if (sum == 0) return rest(time_passes);
  auto drawn = below(random_, sum);
  std::size_t what = 0;
  while (drawn >= chance[what]) drawn -= chance[what++];
  try {
    move(static_cast<Move>(what));
  } catch (const ProcessGone&) {
    doomed_ = true;
  }
  committing_ = false;
  if (doomed_) crash();
  return true;
}

void SimHost::Impl::move(Move what) {
  if (what == delivery || what == commit || what == timers) quiet_ = 0;
  switch (what) {
    case job: return run_job(below(random_, caf_->jobs.size()));
    case delivery: return deliver_one();
    case commit: return write_batch();
    case timers: return fire_timers();
    case time: return pass_some_time();
    case timeout: caf_->trigger_timeout(); return;
    case moves: return;
  }
}

// Nothing is to do now: restarts that wait, then the next time at which there is.
bool SimHost::Impl::rest(bool time_passes) {
  if (quiet_ < quiet_rounds) {
    quiet_ += 1;
    caf_->trigger_timeouts();
    return true;
  }
  if (!time_passes) return false;
  std::optional<Duration> next;
  if (!wakes_.empty()) next = *wakes_.begin() - clock_.elapsed();
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    const auto wait = wait_of(node_->shard(shard));
    if (wait) next = std::min(next.value_or(Duration::max()), *wait);
  }
  if (!next) return false;
  pass(std::max(*next, Duration{0}));
  while (!wakes_.empty() && *wakes_.begin() <= clock_.elapsed()) wakes_.erase(wakes_.begin());
  return true;
}

bool SimHost::Impl::settle(std::uint64_t most) {
  const auto faults = std::exchange(faults_, Faults{});
  full_commits_ = 0;
  quiet_ = 0;
  bool settled = false;
  for (std::uint64_t i = 0; i < most && !settled; ++i) settled = !step(false);
  faults_ = faults;
  return settled;
}

// Called before each delivery, with the node not there yet in its first moments.
bool SimHost::Impl::hold(Delivery& delivery) {
  const bool overtakes = job_depth_ == 1 && delivery.message.source == Message::Source::actor &&
                         below(random_, overtake_one_in) == 0 &&
                         !held_.between(delivery.message.from, delivery.to);
  if (overtakes) {
    run_ahead(std::move(delivery));
  } else {
    held_.add(std::move(delivery));
  }
  return true;
}

// Another thread is faster than the one that sends: the message is handled before its sender's
// handler goes on.
void SimHost::Impl::run_ahead(Delivery delivery) {
  node_->deliver_now(std::move(delivery));
  for (std::size_t i = 0; i < overtake_jobs && !caf_->jobs.empty(); ++i) {
    run_job(caf_->jobs.size() - 1);  // the newest: the receiver, or who activates it
  }
}

void SimHost::Impl::deliver_one() {
  counts_.deliveries += 1;
  node_->deliver_now(held_.take(random_));
}

void SimHost::Impl::run_job(std::size_t index) {
  std::swap(caf_->jobs.front(), caf_->jobs[index]);
  job_depth_ += 1;
  caf_->run_once();
  job_depth_ -= 1;
}

void SimHost::Impl::write_batch() {
  const auto shards = writing();
  auto& chosen = committer(shards[below(random_, shards.size())]);
  committing_ = true;
  counts_.commits += chosen.step(1 + below(random_, chosen.stats().waiting + 1));
}

void SimHost::Impl::fire_timers() {
  const auto shards = firing();
  auto& shard = node_->shard(shards[below(random_, shards.size())]);
  counts_.timers += shard.timer_service.step(1 + below(random_, 4));
}

void SimHost::Impl::pass(Duration span) {
  clock_.advance(span);
  caf_->advance_time(span);
}

// From a millisecond to some seconds: less, more often.
void SimHost::Impl::pass_some_time() {
  const auto most = std::int64_t{1} << below(random_, 12);
  pass(Duration{1 + static_cast<std::int64_t>(below(random_, static_cast<std::uint64_t>(most)))});
}

// ---- Looking at it ----

SimCounts SimHost::Impl::counts() const {
  auto counts = counts_;
  counts.passivations += node_->stats().passivations;
  return counts;
}

std::string SimHost::Impl::state_hash() {
  Sha256Stream hash;
  const auto number = [&hash](std::uint64_t value) {
    hash.update({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  };
  std::vector<TableSpec> all(tables::system.begin(), tables::system.end());
  for (const auto& kind : options_.kinds) {
    all.insert(all.end(), kind.tables.begin(), kind.tables.end());
  }
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    const auto snapshot = node_->shard_snapshot(shard);
    for (const auto& table : all) {
      number(table.id.value);
      snapshot->scan(table.id, {}, [&](std::string_view key, WordSpan value) {
        number(key.size());
        hash.update(as_bytes(key));
        number(value.size());
        for (const auto word : value) number(word);
        return true;
      });
    }
  }
  const auto now = counts();
  for (const auto count :
       {now.steps, now.commits, now.deliveries, now.timers, now.passivations, now.crashes, now.torn,
        now.disk_full, now.syncs_failed, now.recovery_crashes, now.clock_steps}) {
    number(count);
  }
  return to_hex(hash.finish());
}

// ---- The face ----

SimHost::SimHost(SimOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
SimHost::~SimHost() = default;
bool SimHost::step() {
  return impl_->step(true);
}
bool SimHost::settle(std::uint64_t most) {
  return impl_->settle(most);
}
void SimHost::crash() {
  impl_->crash();
}
void SimHost::set_faults(Faults faults) {
  impl_->set_faults(faults);
}
Host& SimHost::host() {
  return impl_->host();
}
std::uint32_t SimHost::edge() const {
  return impl_->edge();
}
Random& SimHost::random() {
  return impl_->random();
}
ManualClock& SimHost::clock() {
  return impl_->clock();
}
void SimHost::step_clock(Duration by) {
  impl_->step_clock(by);
}
void SimHost::wake_at(Duration elapsed) {
  impl_->wake_at(elapsed);
}
SimCounts SimHost::counts() const {
  return impl_->counts();
}
std::string SimHost::state_hash() {
  return impl_->state_hash();
}

}  // namespace troupe::sim
