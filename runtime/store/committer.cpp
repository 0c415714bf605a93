#include "runtime/store/committer.h"

#include "runtime/base/planted.h"
#include "runtime/clock/stopwatch.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace troupe {
namespace {

// A transaction should write for about this long, so that nobody waits behind a huge one.
constexpr double batch_seconds_goal = 0.010;
constexpr std::size_t commits_per_batch_least = 64;
constexpr std::size_t commits_per_batch_most = 16'384;
constexpr auto full_disk_retry = std::chrono::milliseconds{500};

}  // namespace

Committer::Committer(Store& store, Numbers& numbers, Hooks hooks, Drive drive)
    : store_(store),
      numbers_(numbers),
      hooks_(std::move(hooks)),
      commits_per_batch_max_(commits_per_batch_least) {
  {
    const auto snapshot = store.snapshot();
    state_ = snapshot->state();
    sent_ = read_channels(*snapshot, ChannelEnd::sent);
  }
  durable_ = state_.sequence;
  last_event_ = state_.last_event;
  next_sequence_ = state_.sequence + 1;
  finished_ = state_.sequence;
  reserve_first_numbers();
  if (drive == Drive::thread) thread_ = std::thread([this] { run(); });
}

void Committer::reserve_first_numbers() {
  Batch first;
  first.state = state_;
  first.state.batch += 1;
  first.state.numbers_reserved = numbers_.wanted();
  first.changes = true;
  first.bytes = encode_batch({}, first.state, numbers_.shard());
  while (!write(first)) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, full_disk_retry);
  }
  state_ = first.state;
  numbers_.set_reserved(state_.numbers_reserved);
}

Committer::~Committer() {
  stop();
}

void Committer::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::uint64_t Committer::enqueue(Commit commit) {
  const bool early =
      planted(Bug::reply_before_sync) || (planted(Bug::repeat_before_first) && commit.rows.empty());
  if (early) {
    for (auto& output : std::exchange(commit.outputs, {})) output();
    if (hooks_.released) hooks_.released();
  }
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
  if (!thread_.joinable()) {
    while (step(commits_per_batch_most) > 0) {
    }
    return;
  }
  std::unique_lock lock(mutex_);
  const auto goal = next_sequence_ - 1;
  flushed_.wait(lock, [&] { return stopped_ || finished_ >= goal; });
}

CommitterStats Committer::stats() const {
  const std::lock_guard lock(mutex_);
  CommitterStats stats = stats_;
  stats.waiting = queue_.size();
  return stats;
}

void Committer::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || stalled_ || !queue_.empty(); });
    }
    if (step(commits_per_batch_max_) > 0) continue;
    std::unique_lock lock(mutex_);
    if (stopping_) {  // nothing waits, or nothing fits
      stopped_ = true;
      flushed_.notify_all();
      return;
    }
    wake_.wait_for(lock, full_disk_retry);
  }
}

std::size_t Committer::step(std::size_t most) {
  const std::lock_guard writing(writing_);
  if (!stalled_) {
    auto commits = take(most);
    if (commits.empty()) return 0;
    stalled_ = compose(std::move(commits));
  }
  const Stopwatch stopwatch;
  // A batch is never given up (invariant 11): memory is ahead of the disk already.
  if (!write(*stalled_)) return 0;
  Batch batch = std::move(*stalled_);
  stalled_.reset();
  publish(batch, stopwatch.seconds());
  release(batch);
  return batch.commits.size();
}

std::vector<Committer::Waiting> Committer::take(std::size_t most) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() <= most) return std::exchange(queue_, {});
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(most);
  std::vector<Waiting> commits(std::move_iterator(queue_.begin()), std::move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return commits;
}

Committer::Batch Committer::compose(std::vector<Waiting> commits) {
  Batch batch;
  batch.commits = std::move(commits);
  batch.state = state_;
  batch.state.batch += 1;
  batch.state.sequence = batch.commits.back().sequence;
  batch.state.numbers_reserved = numbers_.wanted();
  Composer composer(batch.state, sent_);
  for (auto& waiting : batch.commits) composer.add(waiting.commit, batch.places);
  const auto rows = composer.finish();
  batch.rows = rows.size();
  batch.changes = !rows.empty() || batch.state.numbers_reserved != state_.numbers_reserved;
  if (batch.changes) batch.bytes = encode_batch(rows, batch.state, numbers_.shard());
  return batch;
}

// False: the disk is full, nothing is written.
bool Committer::write(const Batch& batch) {
  if (!batch.changes) return true;
  const auto applied = store_.apply(batch.bytes);
  if (!applied.ok() && applied.error().code != Errc::busy) {
    // After a failed fsync nobody knows what is on disk: recovery is the repair.
    hooks_.fatal("commit failed: " + applied.error().detail);
    std::abort();
  }
  bool was_stalled = false;
  {
    const std::lock_guard lock(mutex_);
    was_stalled = std::exchange(stats_.stalled, !applied.ok());
  }
  if (!applied.ok() && !was_stalled && hooks_.stalled) hooks_.stalled(applied.error().detail);
  return applied.ok();
}

void Committer::publish(Batch& batch, double seconds) {
  if (batch.changes) {
    state_ = batch.state;
  } else {
    state_.sequence = batch.state.sequence;
  }
  numbers_.set_reserved(state_.numbers_reserved);
  last_event_.store(state_.last_event, std::memory_order_release);
  durable_.store(batch.state.sequence, std::memory_order_release);
  adapt(seconds, batch.commits.size());
  {
    const std::lock_guard lock(mutex_);
    stats_.batches += batch.changes ? 1 : 0;
    stats_.commits += batch.commits.size();
    stats_.rows += batch.rows;
    stats_.last_batch_seconds = seconds;
  }
  if (batch.changes && hooks_.landed) hooks_.landed(batch.bytes);
  if (batch.changes && hooks_.measured) hooks_.measured(seconds, batch.commits.size());
}

void Committer::adapt(double seconds, std::size_t commits) {
  if (seconds < batch_seconds_goal && commits == commits_per_batch_max_) {
    commits_per_batch_max_ = std::min(commits_per_batch_max_ * 2, commits_per_batch_most);
  } else if (seconds > 2 * batch_seconds_goal) {
    commits_per_batch_max_ = std::max(commits_per_batch_max_ / 2, commits_per_batch_least);
  }
}

void Committer::release(Batch& batch) {
  auto place = batch.places.begin();
  for (auto& waiting : batch.commits) {
    for (auto& message : waiting.commit.channel_puts) message.hand_over(*place++);
    for (auto& output : waiting.commit.outputs) output();
    waiting.commit.credit.reset();
  }
  if (hooks_.released) hooks_.released();
  if (hooks_.published) hooks_.published(state_.last_event);
  {
    const std::lock_guard lock(mutex_);
    finished_ = batch.state.sequence;
  }
  flushed_.notify_all();
}

}  // namespace troupe
