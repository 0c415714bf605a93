// Who gets what: the most urgent entry that fits, for whoever's turn it is.
#include "actors/task_queue/step.h"
#include "runtime/base/planted.h"

#include <algorithm>
#include <vector>

namespace troupe::task_queue {
namespace {

// Claims handed out by one handler.
constexpr std::size_t matches_max = 64;

bool lane_fits(Step& t, const std::string& lane, const Waiter& waiter) {
  if (!waiter.offer) return true;
  static const Amounts nothing;
  const auto used = t.state.used.find(waiter.mark);
  const bool fit = fits(t.state.lanes.at(lane).demands, *waiter.offer,
                        used == t.state.used.end() ? nothing : used->second);
  // What fits leads on; what does not is remembered, so that the next handler begins behind it.
  if (!fit) t.looks += 1;
  return fit;
}

// The most urgent entry in memory that fits into what the waiter has left. Who has looked at all
// lanes before has only those to look at that are new.
const Entry* first_that_fits(Step& t, const Waiter& waiter) {
  const Lanes& lanes = t.state.lanes;
  const Entry* best = t.state.entries.first(t.rows);
  if (best != nullptr && planted(Bug::lanes_last)) return best;
  if (waiter.looks) {
    for (const auto& [key, lane] : lanes.heads()) {
      if (best != nullptr && best->key < key) break;
      if (lane_fits(t, lane, waiter)) return &lanes.first(lane);
    }
    return best;
  }
  for (const auto& lane : lanes.unseen()) {
    const Entry& first = lanes.first(lane);
    const bool sooner = best == nullptr || first.key < best->key;
    if (sooner && lane_fits(t, lane, waiter)) best = &first;
  }
  return best;
}

// The most urgent entry in memory that the waiter can take. What a limit keeps from being claimed
// is met here once, and set aside.
const Entry* best_for(Step& t, const Waiter& waiter) {
  while (!t.is_full()) {
    const Entry* best = first_that_fits(t, waiter);
    if (best == nullptr || reached_limit(t, *best) == 0) return best;
    set_aside(t, Entry(*best));
  }
  return nullptr;
}

// The first that has room for the lane, of those who have not looked at it and come before `end`.
const Waiter* first_with_room(Step& t, const std::string& lane, const Waiter* end) {
  std::uint64_t seen = t.state.lanes.at(lane).seen;
  const Waiter* next = nullptr;
  for (;;) {
    next = t.state.waiters.next(seen);
    const bool over = next == nullptr || (end != nullptr && next->turn >= end->turn);
    if (over || t.is_spent() || lane_fits(t, lane, *next)) break;
    seen = next->turn;
  }
  t.state.lanes.note_seen(lane, seen);
  return next;
}

// Of those who may find something the one whose turn it is; unsettled once the handler is spent.
const Waiter* next_to_serve(Step& t) {
  const bool plain = t.state.entries.first(t.rows) != nullptr;
  const Waiter* next = plain ? t.state.waiters.next(0) : t.state.waiters.next_that_looks();
  std::vector<std::string> seen_by_all;
  for (const auto& lane : t.state.lanes.unseen()) {
    const Waiter* one = first_with_room(t, lane, next);
    if (t.is_spent()) break;
    if (one == nullptr) seen_by_all.push_back(lane);
    if (one != nullptr && (next == nullptr || one->turn < next->turn)) next = one;
  }
  for (const auto& lane : seen_by_all) t.state.lanes.end_look(lane);
  return next;
}

void hand_out(Step& t, const Entry& entry, const Waiter& waiter) {
  take(t, entry, waiter.mark);
  send_claim(
      t, {entry.task_id, entry.run_id, waiter.worker, waiter.session, waiter.request.has_value()});
}

// `numbers`: of what the waiter was given.
void note_taken(Step& t, Waiter waiter, const std::vector<std::uint64_t>& numbers) {
  if (!planted(Bug::overrun_window)) waiter.slots -= static_cast<std::int32_t>(numbers.size());
  if (waiter.request) {
    WorkRequest& request = *waiter.request;
    request.handed_out.insert(request.handed_out.end(), numbers.begin(), numbers.end());
    request.under_way += static_cast<std::uint32_t>(numbers.size());
  } else {
    waiter.turn = t.state.waiters.new_turn();
  }
  t.state.waiters.put(std::move(waiter));
}

// It takes none of what there is, and is not to look again before something changes.
void note_looked(Step& t, const Waiter& waiter) {
  for (const auto& lane : t.state.lanes.empty()) {
    if (lane_fits(t, lane, waiter)) t.state.lanes.note_room(lane, waiter.turn);
  }
  t.state.waiters.looked(waiter.session);
}

// One turn of one waiter: a session takes one run, a request all that it wants. How many it took.
std::size_t serve(Step& t, const Waiter& waiter, std::size_t at_most) {
  const std::size_t wanted =
      waiter.request ? std::min<std::size_t>(static_cast<std::size_t>(waiter.slots), at_most) : 1;
  std::vector<std::uint64_t> numbers;
  while (numbers.size() < wanted && !t.is_full()) {
    const Entry* best = best_for(t, waiter);
    if (best == nullptr) break;
    numbers.push_back(best->key.number);
    hand_out(t, Entry(*best), waiter);
  }
  if (!numbers.empty()) {
    note_taken(t, waiter, numbers);
  } else if (!t.is_full()) {
    note_looked(t, waiter);
  }
  return numbers.size();
}

// Nobody is left who fits the lanes in memory; there may be others.
void look_further(Step& t) {
  Lanes& lanes = t.state.lanes;
  Waiters& waiters = t.state.waiters;
  if (lanes.whole()) waiters.end_search();
  lanes.trim();
  if (lanes.whole()) return;
  if (lanes.at_end()) waiters.end_lap();
  if (!waiters.anyone_seeks()) return;
  lanes.next_slice(t.rows);
  waiters.look_further();
  go_on_later(t);
}

}  // namespace

void send_claim(Step& t, const ClaimOf& claim) {
  const auto slash = claim.worker.find('/');
  send<schema::TaskMessage>(t, task_id(claim.task_id), [&](schema::TaskMessage::Builder m) {
    auto run = m.initClaimRun();
    run.setEntryRunId(claim.run_id);
    auto worker = run.getEntryWorker();
    worker.setTaskQueueId(text(t.state.task_queue_id));
    worker.setWorkerGroup(text(claim.worker.substr(0, slash)));
    worker.setWorkerId(text(claim.worker.substr(slash + 1)));
    run.setEntrySession(claim.session);
    m.setTimed(claim.timed);
    m.setQuestion(claim.question);
  });
}

void match(Step& t) {
  std::size_t matched = 0;
  for (;;) {
    const Waiter* next = next_to_serve(t);
    if (t.is_spent()) return go_on_later(t);
    if (next == nullptr) break;
    if (matched >= matches_max || t.is_full()) return go_on_later(t);
    matched += serve(t, *next, matches_max - matched);
  }
  look_further(t);
}

}  // namespace troupe::task_queue
