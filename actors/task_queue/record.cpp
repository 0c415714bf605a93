// The queue as people see it, how long it stays, and workers that get nothing. Source:
// spec/queue.md, section 10.
#include "actors/task_queue/step.h"
#include "runtime/base/planted.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

// How often a worker's asking is written down.
constexpr Duration active_resolution{60'000};
constexpr Duration record_outlives_use{24 * 60 * 60 * 1'000};
// Quarantines that end in one handler.
constexpr std::size_t endings_max = 64;

void set_record_timer(Step& t, Instant due) {
  t.effects.timers.push_back({record_timer, due, 0, false});
}

// The timer is not moved with every sign of life: one that is early is set anew when it fires.
void keep_record(Step& t, Instant until) {
  QueueState& s = t.state;
  const bool fresh = s.expires <= t.now();
  s.exists = true;
  s.last_active = t.now();
  s.expires = std::max(s.expires, until);
  if (fresh) set_record_timer(t, s.expires);
}

void set_quarantine_timer(Step& t) {
  std::optional<Instant> next;
  for (const auto& [worker, until] : t.state.quarantines) {
    if (!next || until < *next) next = until;
  }
  t.effects.timers.push_back({quarantine_timer, next, 0, false});
}

void mark_waiters(Step& t, const std::string& worker, bool quarantined) {
  std::vector<Waiter> marked;
  for (const auto& [session, waiter] : t.state.waiters.all()) {
    if (waiter.worker == worker) marked.push_back(waiter);
  }
  for (Waiter& waiter : marked) {
    waiter.quarantined = quarantined;
    t.state.waiters.put(std::move(waiter));
  }
}

void end_quarantine(Step& t, const std::string& worker) {
  t.rows.erase(tables::queue_quarantines.id, quarantine_key(worker));
  t.state.quarantines.erase(worker);
  mark_waiters(t, worker, false);
}

}  // namespace

void note_active(Step& t) {
  const bool known = t.state.expires > t.now() && t.state.last_active <= t.now() &&
                     t.now() - t.state.last_active <= active_resolution;
  if (!known) keep_record(t, t.now() + record_outlives_use);
}

void on_active(Step& t, Instant until) {
  keep_record(t, until);
  reply(t, t.message.reply_to);
}

void on_record_due(Step& t) {
  QueueState& s = t.state;
  if (!s.expires) return;
  if (t.now() < s.expires) return set_record_timer(t, s.expires);
  // A worker that waits is there, even if it says nothing.
  if (!s.waiters.empty()) return keep_record(t, t.now() + record_outlives_use);
  // Nobody sees it any more. It goes when that of a worker would.
  const Instant removed_at = s.expires + t.config.expiration_delay;
  if (t.now() < removed_at) return set_record_timer(t, removed_at);
  s.expires = {};
  s.last_active = {};
}

void remove_if_unused(Step& t) {
  QueueState& s = t.state;
  const bool used = s.pending > 0 || s.expires || !s.waiters.empty() || !s.quarantines.empty();
  if (!s.exists || used) return;
  const auto any = [&t](const TableSpec& table) {
    return !t.rows.scan(table.id, "", "", 1).empty();
  };
  if (any(tables::queue_admitted) || any(tables::queue_concurrency)) return;
  while (s.answered.size() > 0 && !t.is_full()) {
    t.rows.erase(tables::queue_requests.id, request_key(s.answered.oldest()));
    s.answered.remove(s.answered.oldest());
  }
  if (s.answered.size() > 0) return go_on_later(t);
  s.exists = false;
  t.effects.remove = true;
}

bool is_quarantined(const Step& t, const std::string& worker) {
  const auto found = t.state.quarantines.find(worker);
  return found != t.state.quarantines.end() && found->second > t.now();
}

void on_quarantine(Step& t, M::Reader message) {
  const auto m = message.getQuarantine();
  const auto name = m.getQuarantined();
  const std::string worker = str(name.getWorkerGroup()) + "/" + str(name.getWorkerId());
  const Instant until{m.getUntil()};
  if (until > t.now()) {
    t.state.exists = true;
    t.state.quarantines[worker] = until;
    if (!planted(Bug::forget_quarantine)) {
      t.rows.put(tables::queue_quarantines.id, quarantine_key(worker),
                 build<schema::QuarantineRow>([until](auto row) { row.setUntil(until.ms); }));
    }
    if (!planted(Bug::serve_quarantined)) mark_waiters(t, worker, true);
    set_quarantine_timer(t);
  } else if (t.state.quarantines.contains(worker)) {
    end_quarantine(t, worker);
    set_quarantine_timer(t);
  }
  send<schema::WorkerMessage>(t, t.message.from, [&](auto answer) {
    answer.setQuarantineAnswer();
    answer.setQuestion(message.getQuestion());
  });
  match(t);
}

void on_quarantine_due(Step& t) {
  std::vector<std::string> ended;
  for (const auto& [worker, until] : t.state.quarantines) {
    if (until <= t.now() && ended.size() < endings_max) ended.push_back(worker);
  }
  for (const auto& worker : ended) end_quarantine(t, worker);
  set_quarantine_timer(t);
  match(t);
}

}  // namespace troupe::task_queue
