#include "runtime/actor/timers.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace troupe {
namespace {

constexpr std::size_t window_goal = 1'000;
constexpr std::size_t window_max = 4'000;
constexpr std::size_t recent_max = 8'192;
// A step of the wall clock is noticed after this long at the latest.
constexpr Duration nap_max{1'000};

}  // namespace

std::string TimerEntry::key() const {
  // Times before 1970 do not occur; a negative one would sort last.
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(due.ms, 0));
  return KeyWriter().u64(ms).u64(actor_number).text(name).key();
}

Bytes TimerEntry::row() const {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::TimerRow>();
  row.setKind(actor.kind.value);
  row.setKey(text(actor.key));
  row.setName(text(name));
  row.setAttempt(attempt);
  row.setDelay(delay);
  return to_bytes(message);
}

TimerEntry TimerEntry::decode(std::string_view key, WordSpan words) {
  Stored<schema::TimerRow> stored(words);
  const auto row = stored.get();
  KeyReader reader(key);
  TimerEntry entry;
  entry.due = Instant{static_cast<std::int64_t>(reader.u64())};
  entry.actor_number = reader.u64();
  entry.name = str(row.getName());
  entry.actor = {KindId{row.getKind()}, str(row.getKey())};
  entry.attempt = row.getAttempt();
  entry.delay = row.getDelay();
  return entry;
}

TimerService::TimerService(const Clock& clock,
                           Store& store,
                           Numbers& numbers,
                           std::function<void(Delivery)> deliver)
    : clock_(clock), store_(store), numbers_(numbers), deliver_(std::move(deliver)) {}

TimerService::~TimerService() {
  stop();
}

void TimerService::start(const Committer& committer) {
  {
    const std::lock_guard lock(mutex_);
    committer_ = &committer;
  }
  thread_ = std::thread([this] { run(); });
}

void TimerService::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void TimerService::changed(const TimerEntry& entry, bool set, std::uint64_t sequence) {
  bool nearest = false;
  {
    const std::lock_guard lock(mutex_);
    const Key key = entry.key();
    recent_.insert_or_assign(key, Recent{sequence, set, entry});
    if (recent_.size() > recent_max && committer_ != nullptr) {
      std::erase_if(recent_, [durable = committer_->durable()](const auto& item) {
        return item.second.sequence <= durable;
      });
    }
    if (!set) {
      window_.erase(key);
    } else if (loaded_ && (!horizon_ || key <= *horizon_)) {
      const auto it = window_.insert_or_assign(key, entry).first;
      nearest = it == window_.begin();
      if (window_.size() > window_max) {
        const auto cut = std::next(window_.begin(), window_goal);
        window_.erase(std::next(cut), window_.end());
        horizon_ = cut->first;
      }
    }
  }
  if (nearest) wake_.notify_one();
}

TimerService::Stats TimerService::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.in_memory = window_.size();
  return stats;
}

void TimerService::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (window_.empty() && (horizon_ || !loaded_)) refill();
    fire_due(lock);
    if (stopping_) return;
    if (window_.empty() && horizon_) continue;
    Duration nap = nap_max;
    if (!window_.empty()) {
      nap = std::clamp(window_.begin()->second.due - clock_.wall_now(), Duration{0}, nap_max);
    }
    wake_.wait_for(lock, nap);
  }
}

// Reads the next rows behind the horizon, with the changes that are newer than the snapshot on top.
void TimerService::refill() {
  const auto snapshot = store_.snapshot();
  const auto on_disk = snapshot->state().sequence;
  const Key from = horizon_ ? *horizon_ : Key();
  std::size_t seen = 0;
  std::optional<Key> last;
  snapshot->scan(tables::timers.id, from, [&](std::string_view key, WordSpan words) {
    if (seen == window_goal) {
      last = Key(key);
      return false;
    }
    if (horizon_ && key == *horizon_) return true;
    window_.emplace(Key(key), TimerEntry::decode(key, words));
    ++seen;
    return true;
  });
  horizon_ = last;
  if (last) horizon_ = window_.rbegin()->first;
  std::erase_if(recent_, [on_disk](const auto& r) { return r.second.sequence <= on_disk; });
  for (const auto& [key, change] : recent_) {
    if (!change.set) {
      window_.erase(key);
    } else if (key > from && (!horizon_ || key <= *horizon_)) {
      window_.insert_or_assign(key, change.entry);
    }
  }
  loaded_ = true;
}

void TimerService::fire_due(std::unique_lock<std::mutex>& lock) {
  while (!window_.empty() && !stopping_) {
    const auto now = clock_.wall_now();
    const auto first = window_.begin();
    if (first->second.due > now) return;
    const TimerEntry entry = first->second;
    window_.erase(first);
    stats_.fired += 1;
    stats_.late_seconds = static_cast<double>((now - entry.due).count()) / 1000;
    Delivery delivery;
    delivery.to = entry.actor;
    delivery.number = numbers_.next();
    delivery.message.source = Message::Source::timer;
    delivery.message.timer = entry.name;
    delivery.message.due = entry.due;
    delivery.message.attempt = entry.attempt;
    lock.unlock();
    deliver_(std::move(delivery));
    lock.lock();
  }
}

}  // namespace troupe
