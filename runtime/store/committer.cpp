#include "runtime/store/committer.h"

#include "runtime/clock/stopwatch.h"
#include "runtime/store/key.h"

#include <algorithm>
#include <cstdlib>

namespace troupe {
namespace {

// A transaction should write for about this long, so that nobody waits behind a huge one.
constexpr double batch_seconds_goal = 0.010;
constexpr std::size_t commits_per_batch_least = 64;
constexpr std::size_t commits_per_batch_most = 16'384;
constexpr auto full_disk_retry = std::chrono::milliseconds{500};

std::string number_key(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

// The rows of a batch: the last change of each key. Messages that were put and deleted within the
// batch leave nothing.
class Composer {
 public:
  void add(Commit& commit, StoreState& state) {
    for (auto& put : commit.inbox_puts) inbox_.emplace(put.number, std::move(put));
    for (const auto number : commit.inbox_deletes) {
      if (inbox_.erase(number) == 0) {
        rows_.push_back({tables::inbox.id, number_key(number), std::nullopt});
      }
    }
    for (auto& row : commit.rows) put(std::move(row));
    for (auto& event : commit.events) {
      rows_.push_back({tables::events.id, number_key(++state.last_event), std::move(event)});
    }
  }

  std::vector<RowOp> finish() {
    for (const auto& [number, put] : inbox_) {
      rows_.push_back({tables::inbox.id, number_key(number), put.encode()});
    }
    // Neighbours share pages.
    std::sort(rows_.begin(), rows_.end(), [](const RowOp& a, const RowOp& b) {
      return a.table != b.table ? a.table < b.table : a.key < b.key;
    });
    return std::move(rows_);
  }

 private:
  struct Place {
    TableId table;
    std::string key;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& place) const {
      return std::hash<std::string>()(place.key) * 31 + place.table.value;
    }
  };

  void put(RowOp row) {
    const auto [it, fresh] = places_.try_emplace(Place{row.table, row.key}, rows_.size());
    if (fresh) {
      rows_.push_back(std::move(row));
    } else {
      rows_[it->second].value = std::move(row.value);
    }
  }

  std::vector<RowOp> rows_;
  std::unordered_map<Place, std::size_t, PlaceHash> places_;  // index in rows_
  std::unordered_map<std::uint64_t, InboxPut> inbox_;
};

}  // namespace

Committer::Committer(Store& store, Numbers& numbers, Hooks hooks)
    : store_(store),
      numbers_(numbers),
      hooks_(std::move(hooks)),
      state_(store.snapshot()->state()),
      commits_per_batch_max_(commits_per_batch_least) {
  durable_ = state_.sequence;
  last_event_ = state_.last_event;
  next_sequence_ = state_.sequence + 1;
  finished_ = state_.sequence;
  StoreState first = state_;
  first.batch += 1;
  first.numbers_reserved = numbers_.wanted();
  apply_until_done({}, first);
  state_ = first;
  numbers_.set_reserved(first.numbers_reserved);
  thread_ = std::thread([this] { run(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::uint64_t Committer::enqueue(Commit commit) {
  std::uint64_t sequence = 0;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    sequence = next_sequence_++;
    was_empty = queue_.empty();
    queue_.push_back({sequence, std::move(commit)});
  }
  if (was_empty) wake_.notify_one();
  return sequence;
}

void Committer::flush() {
  std::unique_lock lock(mutex_);
  const auto goal = next_sequence_ - 1;
  flushed_.wait(lock, [&] { return finished_ >= goal; });
}

CommitterStats Committer::stats() const {
  const std::lock_guard lock(mutex_);
  CommitterStats stats = stats_;
  stats.waiting = queue_.size();
  return stats;
}

void Committer::run() {
  for (;;) {
    auto batch = take_batch();
    if (batch.empty()) return;
    write(batch);
  }
}

std::vector<Committer::Waiting> Committer::take_batch() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  const auto count = std::min(queue_.size(), commits_per_batch_max_);
  std::vector<Waiting> batch;
  batch.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return batch;
}

void Committer::write(std::vector<Waiting>& batch) {
  StoreState state = state_;
  state.batch += 1;
  state.sequence = batch.back().sequence;
  state.numbers_reserved = numbers_.wanted();
  Composer composer;
  for (auto& waiting : batch) composer.add(waiting.commit, state);
  const auto rows = composer.finish();

  const Stopwatch stopwatch;
  // Refusals and repeats change nothing: they only had to wait for what came before them.
  const bool changes = !rows.empty() || state.numbers_reserved != state_.numbers_reserved;
  if (changes) {
    apply_until_done(rows, state);
    state_ = state;
  } else {
    state_.sequence = state.sequence;
  }
  const double seconds = stopwatch.seconds();

  numbers_.set_reserved(state_.numbers_reserved);
  last_event_.store(state_.last_event, std::memory_order_release);
  durable_.store(state.sequence, std::memory_order_release);
  if (seconds < batch_seconds_goal && batch.size() == commits_per_batch_max_) {
    commits_per_batch_max_ = std::min(commits_per_batch_max_ * 2, commits_per_batch_most);
  } else if (seconds > 2 * batch_seconds_goal) {
    commits_per_batch_max_ = std::max(commits_per_batch_max_ / 2, commits_per_batch_least);
  }

  for (auto& waiting : batch) {
    for (auto& output : waiting.commit.outputs) output();
  }
  {
    const std::lock_guard lock(mutex_);
    stats_.batches += changes ? 1 : 0;
    stats_.commits += batch.size();
    stats_.rows += rows.size();
    stats_.last_batch_seconds = seconds;
  }
  if (changes && hooks_.measured) hooks_.measured(seconds, batch.size());
  if (hooks_.published) hooks_.published(state_.last_event);
  {
    const std::lock_guard lock(mutex_);
    finished_ = state.sequence;
  }
  flushed_.notify_all();
}

void Committer::apply_until_done(const std::vector<RowOp>& rows, const StoreState& state) {
  for (bool first = true;; first = false) {
    const auto applied = store_.apply(rows, state);
    if (applied.ok()) break;
    if (applied.error().code != Errc::busy) {
      // After a failed fsync nobody knows what is on disk: recovery is the repair.
      hooks_.fatal("commit failed: " + applied.error().detail);
      std::abort();
    }
    if (first && hooks_.stalled) hooks_.stalled(applied.error().detail);
    std::unique_lock lock(mutex_);
    stats_.stalled = true;
    wake_.wait_for(lock, full_disk_retry);
  }
  const std::lock_guard lock(mutex_);
  stats_.stalled = false;
}

}  // namespace troupe
