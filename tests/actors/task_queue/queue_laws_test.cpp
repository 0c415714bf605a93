// Whatever tasks and workers say in whatever order, a queue does what a simple model of it does,
// and what its rows say is all that it needs to go on.
#include "actors/kinds.h"
#include "tests/actors/support/desk.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <deque>
#include <set>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

int below(int limit) {
  return *rc::gen::resize(100, rc::gen::inRange(0, limit));
}

// ---- The model: lists that are looked through from the start, each time ----

struct ModelEntry {
  NewEntry said;
  std::string task;
  bool claimed = false;
  std::string worker;  // of the claim
  std::uint64_t session = 0;

  std::pair<int, std::uint64_t> place() const {
    return {-static_cast<int>(said.priority), said.number};
  }
};

struct ModelWaiter {
  std::uint64_t session = 0;
  std::string worker;
  int slots = 0;
  std::optional<Resources> offer = {};
  bool request = false;
  int under_way = 0;
  int accepted = 0;
  bool stopped = false;
};

class QueueModel {
 public:
  std::vector<ModelEntry> entries;
  std::deque<ModelWaiter> waiters;  // the first is served next
  std::map<std::string, std::uint32_t> limits;
  std::set<std::string> quarantined;
  Names handed_out;

  std::size_t pending() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries, [](const ModelEntry& e) { return !e.claimed; }));
  }

  ModelEntry* find(std::uint64_t number) {
    const auto found = std::ranges::find_if(
        entries, [number](const ModelEntry& e) { return e.said.number == number; });
    return found == entries.end() ? nullptr : &*found;
  }

  void erase(std::uint64_t number) {
    std::erase_if(entries, [number](const ModelEntry& e) { return e.said.number == number; });
  }

  ModelWaiter* waiter(std::uint64_t session) {
    const auto found = std::ranges::find_if(
        waiters, [session](const ModelWaiter& w) { return w.session == session; });
    return found == waiters.end() ? nullptr : &*found;
  }

  void match() {
    for (std::size_t i = 0; i < waiters.size();) {
      if (!serve(i)) ++i;
    }
  }

 private:
  // Whether its limit leaves it a place: only what is claimed takes one.
  bool admitted(const ModelEntry& entry) const {
    if (entry.said.key.empty()) return true;
    const auto claims = std::ranges::count_if(entries, [&entry](const ModelEntry& other) {
      return other.claimed && other.said.key == entry.said.key;
    });
    return claims < limits.at(entry.said.key);
  }

  bool fits(const ModelEntry& entry, const ModelWaiter& waiter) const {
    if (!waiter.offer) return true;
    Resources needed = entry.said.demands;
    for (const ModelEntry& other : entries) {
      if (!other.claimed || other.worker != waiter.worker) continue;
      for (const auto& [name, amount] : other.said.demands) {
        if (needed.contains(name)) needed[name] += amount;
      }
    }
    return std::ranges::all_of(needed, [&](const auto& need) {
      const auto has = waiter.offer->find(need.first);
      return has != waiter.offer->end() && need.second <= has->second;
    });
  }

  ModelEntry* best_for(const ModelWaiter& waiter) {
    ModelEntry* best = nullptr;
    for (ModelEntry& entry : entries) {
      if (entry.claimed || !admitted(entry) || !fits(entry, waiter)) continue;
      if (best == nullptr || entry.place() < best->place()) best = &entry;
    }
    return best;
  }

  // One turn. True if the waiter is no longer where it was.
  bool serve(std::size_t index) {
    ModelWaiter& waiter = waiters[index];
    const bool out = waiter.stopped || (waiter.request && waiter.under_way > 0) ||
                     quarantined.contains(waiter.worker);
    if (out) return false;
    bool served = false;
    while (waiter.slots > 0) {
      ModelEntry* best = best_for(waiter);
      if (best == nullptr) break;
      best->claimed = true;
      best->worker = waiter.worker;
      best->session = waiter.session;
      handed_out.push_back(best->task + " -> " + waiter.worker.substr(2));
      waiter.slots -= 1;
      waiter.under_way += 1;
      served = true;
      if (!waiter.request) break;
    }
    if (!served || waiter.request) return false;
    waiters.push_back(waiter);
    waiters.erase(waiters.begin() + static_cast<std::ptrdiff_t>(index));
    return true;
  }
};

// ---- The play ----

constexpr Priority priorities[] = {Priority::LOW, Priority::MEDIUM, Priority::HIGH};

class Play {
 public:
  explicit Play(const task_queue::QueueConfig& config) : desk_(config) {}

  void act() {
    switch (below(18)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: return put();
      case 5: return remove();
      case 6: return move();
      case 7: return wait();
      case 8: return ask_for_work();
      case 9: return stop();
      case 10: return leave_queue();
      case 11: return quarantine_one();
      case 12: return restart();
      case 13:
      case 14: return answer();
      default: return end_claim();
    }
  }

  void check() {
    model_.match();
    RC_ASSERT(desk_.faults == Names{});
    RC_ASSERT(desk_.handed_out == model_.handed_out);
    RC_ASSERT(desk_.pending() == model_.pending());
  }

  // All that waits is claimed at last, and all claims end: nothing is left.
  void finish() {
    while (!desk_.unanswered.empty()) {
      answer();
      check();
    }
    model_.quarantined.clear();
    desk_.tell(worker_id("local/default/g/a"), quarantine("g/a", start));
    check();
    ModelWaiter all{++sessions_, "g/all", 1'000};
    model_.waiters.push_back(all);
    desk_.ask(await({.worker = all.worker, .session = all.session, .count = all.slots}));
    check();
    for (int steps = 0; !model_.entries.empty(); ++steps) {
      RC_ASSERT(steps < 10'000);
      if (steps % 2 == 0) {
        answer();
      } else {
        end_claim();
      }
      check();
    }
    for (const TableSpec* table :
         {&tables::queue_entries, &tables::queue_lanes, &tables::queue_held,
          &tables::queue_admitted, &tables::queue_concurrency}) {
      RC_ASSERT(desk_.count(*table) == 0U);
    }
  }

 private:
  void put() {
    ModelEntry entry;
    // A number may be smaller than one that came before it.
    entry.said.number = 20 + 10 * ++numbers_ - static_cast<std::uint64_t>(9 * below(2) * below(3));
    while (used_.contains(entry.said.number)) ++entry.said.number;
    used_.insert(entry.said.number);
    entry.said.priority = priorities[below(3)];
    entry.task = "T" + std::to_string(entry.said.number);
    if (below(2) == 0) {
      entry.said.key = below(2) == 0 ? "K" : "L";
      entry.said.limit = static_cast<std::uint32_t>(1 + below(3));
      model_.limits[entry.said.key] = entry.said.limit;
    }
    if (below(3) == 0) entry.said.demands["cpu"] = static_cast<std::uint64_t>(1 + below(3));
    if (below(6) == 0) entry.said.demands["gpu"] = 1;
    model_.entries.push_back(entry);
    desk_.tell(entry.task, put_entry(entry.said));
  }

  ModelEntry* any_entry() {
    if (model_.entries.empty()) return nullptr;
    return &model_
                .entries[static_cast<std::size_t>(below(static_cast<int>(model_.entries.size())))];
  }

  // A task is cancelled: its entry goes, and a claim on its way is refused.
  void remove() {
    const ModelEntry* found = any_entry();
    if (found == nullptr || running_.contains(found->said.number)) return;
    const ModelEntry entry = *found;
    model_.erase(entry.said.number);
    desk_.tell(entry.task, remove_entry(entry.said.priority, entry.said.number));
  }

  void move() {
    ModelEntry* entry = any_entry();
    if (entry == nullptr || entry->claimed) return;
    const Priority from = entry->said.priority;
    entry->said.priority = priorities[below(3)];
    desk_.tell(entry->task, move_entry(from, entry->said.number, entry->said.priority));
  }

  static std::string any_worker() { return below(2) == 0 ? "g/a" : "g/b"; }

  void wait() {
    ModelWaiter waiter{++sessions_, any_worker(), 1 + below(3)};
    const Slots slots{waiter.worker, waiter.session, waiter.slots};
    if (below(2) == 0) {
      waiter.offer = Resources{{"cpu", static_cast<std::uint64_t>(1 + below(5))}};
      if (below(3) == 0) (*waiter.offer)["gpu"] = 1;
    }
    model_.waiters.push_back(waiter);
    desk_.ask(waiter.offer ? await_within(slots, *waiter.offer) : await(slots));
  }

  void ask_for_work() {
    ModelWaiter waiter{++sessions_, any_worker(), 1 + below(3)};
    waiter.request = true;
    model_.waiters.push_back(waiter);
    calls_[waiter.session] = desk_.ask(
        claim_work({waiter.worker, waiter.session, static_cast<std::uint32_t>(waiter.slots), ""}));
  }

  void stop() {
    for (ModelWaiter& waiter : model_.waiters) {
      if (!waiter.request || below(2) == 0) continue;
      const auto session = waiter.session;
      waiter.stopped = true;
      if (waiter.under_way == 0) end_request(session);
      desk_.ask(stop_waiting(session));
      return;
    }
  }

  void leave_queue() {
    for (const ModelWaiter& waiter : model_.waiters) {
      if (waiter.request || below(2) == 0) continue;
      const auto session = waiter.session;
      std::erase_if(model_.waiters, [session](const auto& w) { return w.session == session; });
      desk_.ask(leave(session));
      return;
    }
  }

  void quarantine_one() {
    const bool in = model_.quarantined.empty();
    if (in) {
      model_.quarantined.insert("g/a");
    } else {
      model_.quarantined.clear();
    }
    desk_.tell(worker_id("local/default/g/a"), quarantine("g/a", in ? start + hour : start));
  }

  void restart() {
    if (below(3) != 0) return;
    model_.waiters.clear();
    answered_.clear();
    desk_.restart();
  }

  void answer() {
    if (desk_.unanswered.empty()) return;
    const Desk::HandedOut claim = desk_.unanswered.front();
    const auto number = static_cast<std::uint64_t>(std::stoull(claim.task.substr(1)));
    ModelEntry* entry = model_.find(number);
    const bool accepted = entry != nullptr && below(4) != 0;
    if (accepted) running_.insert(number);
    if (entry != nullptr && !accepted) model_.erase(number);
    note_answer(claim.session, accepted);
    desk_.answer(accepted, number);
    if (answered_.contains(claim.session)) {
      const auto claims = desk_.claims(calls_.at(claim.session));
      RC_ASSERT(claims.has_value());
      RC_ASSERT(static_cast<int>(claims->size()) == answered_.at(claim.session));
    }
  }

  void note_answer(std::uint64_t session, bool accepted) {
    ModelWaiter* waiter = model_.waiter(session);
    if (waiter == nullptr) return;
    waiter->under_way -= 1;
    if (accepted) {
      waiter->accepted += 1;
    } else {
      // A session without slots goes to the end of the line, where it would have gone anyway.
      const bool to_the_end = !waiter->request && waiter->slots == 0;
      waiter->slots += 1;
      if (to_the_end) {
        const ModelWaiter moved = *waiter;
        std::erase_if(model_.waiters, [session](const auto& w) { return w.session == session; });
        model_.waiters.push_back(moved);
        return;
      }
    }
    const bool over = waiter->accepted > 0 || waiter->stopped;
    if (waiter->request && over && waiter->under_way == 0) end_request(session);
  }

  void end_request(std::uint64_t session) {
    answered_[session] = model_.waiter(session)->accepted;
    std::erase_if(model_.waiters, [session](const auto& w) { return w.session == session; });
  }

  void end_claim() {
    if (running_.empty()) return;
    const auto number = *std::next(
        running_.begin(), static_cast<std::ptrdiff_t>(below(static_cast<int>(running_.size()))));
    running_.erase(number);
    const ModelEntry entry = *model_.find(number);
    model_.erase(number);
    const bool counts = !entry.said.key.empty() || !entry.said.demands.empty();
    if (counts) desk_.tell(entry.task, claim_done(number));
  }

  Desk desk_;
  QueueModel model_;
  std::set<std::uint64_t> used_;
  std::set<std::uint64_t> running_;               // numbers whose claims were accepted
  std::map<std::uint64_t, std::uint64_t> calls_;  // by session of a request
  std::map<std::uint64_t, int> answered_;         // how many claims it was answered with
  std::uint64_t numbers_ = 0;
  std::uint64_t sessions_ = 0;
};

TEST_CASE("a queue does what its model does", "[laws]") {
  rc::prop("restarts included", [] {
    task_queue::QueueConfig config;
    // What one handler has not looked at, later ones do.
    if (below(2) == 0) config.looks_max = static_cast<std::size_t>(1 + below(8));
    Play play(config);
    for (int acts = 5 + below(95); acts > 0; --acts) {
      play.act();
      play.check();
    }
    play.finish();
  });
}

}  // namespace
}  // namespace troupe::test
