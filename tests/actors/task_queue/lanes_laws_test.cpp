// However little of a queue's lanes is in memory, however little one handler looks at, and whatever
// comes between its slices: nobody gets what he has no room for, and nobody waits for a run that
// waits for somebody.
#include "actors/kinds.h"
#include "tests/actors/support/desk.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>

namespace troupe::test {
namespace {

int below(int limit) {
  return *rc::gen::resize(100, rc::gen::inRange(0, limit));
}

std::uint64_t up_to(int most) {
  return static_cast<std::uint64_t>(1 + below(most));
}

template <class Map>
auto any(Map& map) {
  return std::next(map.begin(), below(static_cast<int>(map.size())));
}

struct Waits {
  std::string worker;  // its id
  Resources offer;
  int slots = 0;
  bool quarantined = false;
};

struct Runs {
  std::string worker;
  Resources demands;
};

class SlicedPlay {
 public:
  explicit SlicedPlay(const task_queue::QueueConfig& config) : desk_(config) {
    desk_.defers = true;
  }

  void act() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: put(); break;
      case 4: withdraw(); break;
      case 5:
      case 6: wait(); break;
      case 7: leave_queue(); break;
      case 8: quarantine_one(); break;
      case 9: end_claim(); break;
      default: desk_.go_on();
    }
    note_handed_out();
  }

  void come_to_rest() {
    for (int steps = 0; desk_.go_on(); ++steps) {
      note_handed_out();
      RC_ASSERT(steps < 10'000);
    }
    for (const auto& [session, waiter] : waiters_) {
      if (waiter.slots == 0 || waiter.quarantined) continue;
      for (const auto& [number, demands] : entries_) RC_ASSERT(!has_room(waiter, demands));
    }
    RC_ASSERT(desk_.pending() == entries_.size());
    RC_ASSERT(desk_.faults.empty());
  }

 private:
  bool has_room(const Waits& waiter, Resources needed) const {
    for (const auto& [number, run] : claimed_) {
      if (run.worker != waiter.worker) continue;
      for (auto& [name, amount] : needed) {
        const auto used = run.demands.find(name);
        if (used != run.demands.end()) amount += used->second;
      }
    }
    return std::ranges::all_of(needed, [&waiter](const auto& need) {
      const auto has = waiter.offer.find(need.first);
      return has != waiter.offer.end() && need.second <= has->second;
    });
  }

  // All that was given away is taken at once.
  void note_handed_out() {
    while (!desk_.unanswered.empty()) {
      const Desk::HandedOut claim = desk_.unanswered.front();
      const std::uint64_t number = std::stoull(claim.task);
      Waits& waiter = waiters_.at(claim.session);
      RC_ASSERT(entries_.contains(number));
      RC_ASSERT(waiter.slots > 0);
      RC_ASSERT(!waiter.quarantined);
      RC_ASSERT(has_room(waiter, entries_.at(number)));
      waiter.slots -= 1;
      claimed_[number] = {waiter.worker, entries_.at(number)};
      entries_.erase(number);
      desk_.answer(true, number);
    }
  }

  void put() {
    NewEntry entry;
    entry.number = ++numbers_;
    entry.demands["cpu"] = up_to(6);
    if (below(4) == 0) entry.demands["gpu"] = up_to(2);
    entries_[entry.number] = entry.demands;
    desk_.tell(std::to_string(entry.number), put_entry(entry));
  }

  void withdraw() {
    if (entries_.empty()) return;
    const std::uint64_t number = any(entries_)->first;
    entries_.erase(number);
    desk_.tell(std::to_string(number), remove_entry(Priority::LOWEST, number));
  }

  void wait() {
    const bool again = !waiters_.empty() && below(3) == 0;
    const std::uint64_t session = again ? any(waiters_)->first : ++sessions_;
    Waits& waiter = waiters_[session];
    if (!again) waiter.worker = below(2) == 0 ? "a" : "b" + std::to_string(session);
    waiter.quarantined = quarantined_ && waiter.worker == "a";
    waiter.offer = {{"cpu", up_to(6)}};
    if (below(3) == 0) waiter.offer["gpu"] = up_to(2);
    const int more = 1 + below(2);
    waiter.slots += more;
    desk_.ask(await_within({.worker = "g/" + waiter.worker, .session = session, .count = more},
                           waiter.offer));
  }

  void leave_queue() {
    if (waiters_.empty()) return;
    const std::uint64_t session = any(waiters_)->first;
    waiters_.erase(session);
    desk_.ask(leave(session));
  }

  void quarantine_one() {
    quarantined_ = !quarantined_;
    for (auto& [session, waiter] : waiters_) {
      if (waiter.worker == "a") waiter.quarantined = quarantined_;
    }
    desk_.tell(worker_id("local/default/g/a"),
               quarantine("g/a", quarantined_ ? start + hour : start));
  }

  void end_claim() {
    if (claimed_.empty()) return;
    const std::uint64_t number = any(claimed_)->first;
    claimed_.erase(number);
    desk_.tell(std::to_string(number), claim_done(number));
  }

  Desk desk_;
  std::map<std::uint64_t, Resources> entries_;  // demands by number
  std::map<std::uint64_t, Runs> claimed_;       // by number
  std::map<std::uint64_t, Waits> waiters_;      // by session
  bool quarantined_ = false;                    // worker a
  std::uint64_t numbers_ = 0;
  std::uint64_t sessions_ = 0;
};

TEST_CASE("a queue that looks in slices leaves nobody out", "[laws]") {
  rc::prop("whatever comes between them", [] {
    task_queue::QueueConfig config;
    config.lanes_max = below(4) == 0 ? task_queue::lanes_max : up_to(4);
    config.looks_max = up_to(12);
    SlicedPlay play(config);
    for (int rounds = 1 + below(4); rounds > 0; --rounds) {
      for (int acts = 5 + below(60); acts > 0; --acts) play.act();
      play.come_to_rest();
    }
  });
}

}  // namespace
}  // namespace troupe::test
