#include "runtime/actor/timers.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe {
namespace {

// In windows. What is set nearer than the horizon lets a window grow to this, then it is trimmed.
constexpr std::size_t window_max = 4;
// Fewer changes than this are not worth looking through for those that are on disk by now.
constexpr std::size_t recent_least = 8;
// Delays set during the hold that end before it. Over this many, they wait for its end.
constexpr std::size_t early_max = 16;

constexpr std::uint64_t delay_bit = 1ULL << 63;

std::string line_begin(bool delay) {
  return delay ? KeyWriter().u64(delay_bit).prefix() : std::string();
}

std::string meta_key() {
  return KeyWriter().text("delays").key();
}

std::optional<DelayLine::Record> stored_line(const Snapshot& snapshot) {
  const auto row = snapshot.get(tables::clocks.id, meta_key());
  if (!row) return std::nullopt;
  return DelayLine::Record::decode(*row);
}

}  // namespace

std::string TimerEntry::key() const {
  // Times before 1970 do not occur; a negative one would sort last.
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(due.ms, 0));
  return KeyWriter().u64(delay ? ms | delay_bit : ms).u64(actor_number).text(name).key();
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
  const std::uint64_t due = reader.u64();
  TimerEntry entry;
  entry.due = Instant{static_cast<std::int64_t>(due & ~delay_bit)};
  entry.delay = (due & delay_bit) != 0;
  entry.actor_number = reader.u64();
  entry.name = str(row.getName());
  entry.actor = {KindId{row.getKind()}, str(row.getKey())};
  entry.attempt = row.getAttempt();
  return entry;
}

TimerTable::TimerTable(const Clock& clock, Store& store, Numbers& numbers, TimerOptions options)
    : clock_(clock),
      store_(store),
      numbers_(numbers),
      window_goal_(options.window),
      on_fired_(std::move(options.fired)),
      line_(clock, stored_line(*store.snapshot())),
      hold_until_(line_.now() + options.hold),
      wall_{.begin = line_begin(false), .end = line_begin(true), .window = {}},
      delay_{.begin = line_begin(true), .end = {}, .window = {}},
      recent_most_(recent_least * options.window) {
  stats_.pending = store.snapshot()->count(tables::timers.id);
}

void TimerTable::changed(const TimerEntry& entry, bool set, std::uint64_t sequence) {
  bool nearer = false;
  {
    const std::lock_guard lock(mutex_);
    const Key key = entry.key();
    recent_.insert_or_assign(key, Recent{sequence, set, entry});
    if (recent_.size() > recent_most_) prune_recent();
    if (set) {
      stats_.pending += 1;
      nearer = take_in(key, entry);
    } else {
      stats_.pending -= 1;
      take_out(key, entry);
    }
  }
  if (nearer && nearer_) nearer_();
}

// Whether it is now the first to fire.
bool TimerTable::take_in(const Key& key, const TimerEntry& entry) {
  // A refill may have read its row, and it may have fired, before its actor came to say so.
  const auto fired = fired_.find(key);
  if (fired != fired_.end() && fired->second == entry.attempt) return false;
  if (entry.delay && entry.due < hold_until_ && early_.size() < early_max * window_goal_) {
    delay_.window.erase(key);
    const auto it = early_.insert_or_assign(key, entry).first;
    return it == early_.begin();
  }
  Line& line = entry.delay ? delay_ : wall_;
  if (!line.covers(key)) return false;  // the first of those that it covers comes before
  const auto it = line.window.insert_or_assign(key, entry).first;
  const bool nearer = it == line.window.begin();
  if (line.window.size() > window_max * window_goal_) trim(line);
  return nearer;
}

void TimerTable::take_out(const Key& key, const TimerEntry& entry) {
  (entry.delay ? delay_ : wall_).window.erase(key);
  early_.erase(key);
  const auto fired = fired_.find(key);
  if (fired != fired_.end() && fired->second == entry.attempt) fired_.erase(fired);
}

void TimerTable::trim(Line& line) {
  const auto cut = std::next(line.window.begin(), static_cast<std::ptrdiff_t>(window_goal_));
  line.horizon = std::prev(cut)->first;
  line.complete = false;
  line.window.erase(cut, line.window.end());
}

// Looked through each time that they have doubled, so that a disk that stands still costs no more.
void TimerTable::prune_recent() {
  const auto on_disk = store_.snapshot()->state().sequence;
  std::erase_if(recent_, [on_disk](const auto& r) { return r.second.sequence <= on_disk; });
  recent_most_ = std::max(recent_least * window_goal_, 2 * recent_.size());
}

bool TimerTable::is_known(const Key& key) const {
  return fired_.contains(key) || early_.contains(key);
}

void TimerTable::fill(Line& line) {
  while (line.window.empty() && !line.complete) refill(line);
}

// Reads the next rows behind the horizon, with the changes that are newer than the snapshot on top.
void TimerTable::refill(Line& line) {
  const auto snapshot = store_.snapshot();
  const Key from = line.horizon;
  std::size_t seen = 0;
  line.complete = true;
  snapshot->scan(tables::timers.id, from, [&](std::string_view key, WordSpan words) {
    if (!line.end.empty() && key >= line.end) return false;
    if (key == from) return true;
    if (seen == window_goal_) {
      line.complete = false;
      return false;
    }
    line.horizon = Key(key);
    if (!is_known(line.horizon)) {
      line.window.emplace(line.horizon, TimerEntry::decode(key, words));
    }
    ++seen;
    return true;
  });
  const auto on_disk = snapshot->state().sequence;
  std::erase_if(recent_, [on_disk](const auto& r) { return r.second.sequence <= on_disk; });
  for (auto it = recent_.upper_bound(from); it != recent_.end(); ++it) {
    const auto& [key, change] = *it;
    if (!line.covers(key) || (!line.end.empty() && key >= line.end)) break;
    if (!change.set) {
      line.window.erase(key);
    } else if (!is_known(key)) {
      line.window.insert_or_assign(key, change.entry);
    }
  }
}

// A delay that comes from before the start waits for those who hold leases to come back.
Instant TimerTable::not_before(const Line& line, Instant due) const {
  return &line == &delay_ ? std::max(due, hold_until_) : due;
}

Alarm::Times TimerTable::next_due() {
  const std::lock_guard lock(mutex_);
  Alarm::Times times;
  fill(wall_);
  if (!wall_.window.empty()) times.wall = wall_.window.begin()->second.due;
  fill(delay_);
  std::optional<Instant> delay;
  if (!delay_.window.empty()) delay = not_before(delay_, delay_.window.begin()->second.due);
  if (!early_.empty()) {
    const Instant early = early_.begin()->second.due;
    delay = delay ? std::min(*delay, early) : early;
  }
  if (delay) times.awake = line_.awake_at(*delay);
  return times;
}

// The window whose first timer has waited longest: neither line can starve the other.
TimerTable::Window* TimerTable::longest_due(Instant wall, Instant delay) {
  Window* longest = nullptr;
  Duration waited{-1};
  const auto consider = [&longest, &waited](Window& window, Instant due, Instant now) {
    if (now - due <= waited) return;
    waited = now - due;
    longest = &window;
  };
  for (Line* line : {&wall_, &delay_}) {
    fill(*line);
    if (line->window.empty()) continue;
    consider(line->window, not_before(*line, line->window.begin()->second.due),
             line == &wall_ ? wall : delay);
  }
  if (!early_.empty()) consider(early_, early_.begin()->second.due, delay);
  return longest;
}

TimerTable::Fired TimerTable::fire_due(std::size_t limit, const TakeCredit& may_fire) {
  const std::lock_guard lock(mutex_);
  const Instant wall = clock_.wall_now();
  const Instant delay = line_.now();
  Fired fired;
  for (;;) {
    Window* first = longest_due(wall, delay);
    if (first == nullptr) return fired;
    fired.more = fired.deliveries.size() >= limit;
    if (fired.more) return fired;
    fired.refused = may_fire && !may_fire();
    if (fired.refused) return fired;
    auto node = first->extract(first->begin());
    count_late((node.mapped().delay ? delay : wall) - node.mapped().due);
    fired_.insert_or_assign(node.key(), node.mapped().attempt);
    fired.deliveries.push_back(delivery_of(node.mapped()));
  }
}

void TimerTable::count_late(Duration late) {
  stats_.fired += 1;
  stats_.late_seconds = static_cast<double>(late.count()) / 1000;
  stats_.late_seconds_max = std::max(stats_.late_seconds_max, stats_.late_seconds);
  stats_.late_seconds_sum += stats_.late_seconds;
  if (on_fired_) on_fired_(stats_.late_seconds);
}

Delivery TimerTable::delivery_of(const TimerEntry& entry) {
  Delivery delivery;
  delivery.to = entry.actor;
  delivery.number = numbers_.next();
  delivery.message.source = Message::Source::timer;
  delivery.message.timer = entry.name;
  delivery.message.due = entry.due;
  delivery.message.attempt = entry.attempt;
  return delivery;
}

std::optional<RowOp> TimerTable::observe_clock() {
  const std::lock_guard lock(mutex_);
  const auto record = line_.observe();
  if (!record) return std::nullopt;
  return RowOp{tables::clocks.id, meta_key(), record->row()};
}

TimerStats TimerTable::stats() const {
  const std::lock_guard lock(mutex_);
  TimerStats stats = stats_;
  stats.in_memory = wall_.window.size() + delay_.window.size() + early_.size();
  stats.clock_parted = line_.parted();
  return stats;
}

}  // namespace troupe
