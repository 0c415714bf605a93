#include "tests/actors/check/stored_stage.h"

#include "actors/check.h"
#include "actors/lookup.h"
#include "actors/task/codec.h"
#include "tests/actors/check/all_kinds.h"

namespace troupe::test {
namespace {

std::optional<task::TaskState> read(const Snapshot& snapshot, const std::string& id) {
  const auto row = own_row(snapshot, tables::task_state, find_actor_number(snapshot, task_id(id)));
  if (!row) return std::nullopt;
  return task::decode_row(*row);
}

}  // namespace

StoredStage::StoredStage() {
  clock.advance(Duration{start.ms - clock.wall_now().ms});
  HostOptions options;
  options.store.directory = folder_.path();
  options.store.sync = false;
  options.kinds = all_kinds();
  HostHooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  hooks.report = [](const auto&, const auto&, const auto&, const auto&) {};
  host_ = Host::start(clock, std::move(options), std::move(hooks)).value();
  edge_ = host_->add_edge(*this);
  watch_ = host_->watch_events([this] {
    const std::lock_guard lock(mutex_);
    ++batches_;
    changed_.notify_all();
  });
}

std::uint64_t StoredStage::tell(const ActorId& to, Bytes command) {
  const auto call = ++calls_;
  host_->ask(to, std::move(command), {edge_, call});
  return call;
}

Result<Bytes> StoredStage::ask(const ActorId& to, Bytes command) {
  const auto call = tell(to, std::move(command));
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return answers_.contains(call); });
  return answers_.at(call);
}

void StoredStage::take(std::vector<Reply> replies) {
  const std::lock_guard lock(mutex_);
  for (auto& reply : replies) answers_.emplace(reply.to.call, std::move(reply.body));
  changed_.notify_all();
}

void StoredStage::wait_until(const std::function<bool(const Snapshot&)>& condition) {
  for (;;) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      seen = batches_;
    }
    if (condition(*host_->snapshot())) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_ != seen; });
  }
}

void StoredStage::wait_for(const std::string& task, State state) {
  wait_until([&](const Snapshot& snapshot) {
    const auto found = read(snapshot, task);
    return found && found->visible() && found->state() == state && !found->telling &&
           snapshot.count(tables::inbox.id) == 0;
  });
}

ClaimOf StoredStage::claim(const std::string& task) {
  const auto found = read(*host_->snapshot(), task);
  return {static_cast<std::uint32_t>(found->runs.size() - 1), found->runs.back().token};
}

void StoredStage::stop() {
  if (!host_) return;
  host_->unwatch_events(watch_);
  host_->remove_edge(edge_);
  host_.reset();
}

Store& StoredStage::store() {
  stop();
  if (!store_) {
    StoreOptions options;
    options.directory = folder_.path() + "/0";
    options.sync = false;
    for (const auto& kind : all_kinds()) {
      options.tables.insert(options.tables.end(), kind.tables.begin(), kind.tables.end());
    }
    store_ = Store::open(options).value();
  }
  return *store_;
}

void StoredStage::damage(const std::vector<RowOp>& rows) {
  const auto state = force_state != nullptr ? *force_state : store().snapshot()->state();
  TROUPE_EXPECTS(store().apply(encode_batch(rows, state, 0)).ok());
}

std::vector<std::string> StoredStage::check(std::map<std::string, std::uint64_t>* counts) {
  Findings findings;
  const auto snapshot = store().snapshot();
  check_store(CheckView({snapshot.get()}, clock.wall_now(), findings), [](const NamedBlob&) {});
  if (counts != nullptr) *counts = findings.counts();
  std::vector<std::string> lines;
  for (const auto& finding : findings.kept()) lines.push_back(finding.where + ": " + finding.what);
  return lines;
}

}  // namespace troupe::test
