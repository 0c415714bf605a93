// The law of the timer table: whatever is set, cleared, committed, lost, stepped or slept, in any
// order, each timer fires when a model that knows neither windows nor rows says, and once.
#include "tests/runtime/actor/timers_support.h"

#include <rapidcheck/catch.h>

#include <algorithm>
#include <set>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr Duration hold{20'000};

struct Op {
  unsigned what = 0;
  int a = 0;
  int b = 0;
};

std::ostream& operator<<(std::ostream& out, const Op& op) {
  return out << "{" << op.what << "," << op.a << "," << op.b << "}";
}

// One timer as its actor sees it. A delay counts down what is left of it, by hand.
struct Expected {
  TimerEntry entry;
  Duration left{0};   // of a delay
  bool held = false;  // it comes from before the start
  bool handed_out = false;
};
using Model = std::map<std::string, Expected>;

class Law {
 public:
  void run(const std::vector<Op>& ops) {
    for (const Op& op : ops) {
      apply(op);
      check_next_due();
    }
    end();
  }

 private:
  void apply(const Op& op) {
    const Duration some{op.a * 1'000 + op.b};
    switch (op.what % 12) {
      case 0:
      case 1: return set(name(op.b), Duration{op.a * 700}, false);
      case 2:
      case 3: return set(name(op.b), Duration{op.a * 700}, true);
      case 4: return clear(name(op.b));
      case 5: return commit(static_cast<std::size_t>(op.b));
      case 6: return pass(some);
      case 7: return fire(static_cast<std::size_t>(op.b));
      case 8: return handle(name(op.b));
      case 9: return step(op.b % 2 == 0 ? some + least : -some - least);
      case 10: return suspend(some + least);
      default: return op.b % 2 == 0 ? restart() : reboot(some);
    }
  }

  static std::string name(int i) { return "timer " + std::to_string(i); }

  void remember() { undone_.push_back(now_); }

  void set(const std::string& name, Duration d, bool delay) {
    clear(name);
    Expected expected;
    expected.left = std::max(d, Duration{0});
    ++attempt_;
    expected.entry = delay ? bench_.set_delay(name, expected.left, attempt_)
                           : bench_.set(timer(name, bench_.clock.wall_now() + d, attempt_));
    now_[name] = expected;
    remember();
  }

  void clear(const std::string& name) {
    const auto it = now_.find(name);
    if (it == now_.end()) return;
    bench_.clear(it->second.entry);
    now_.erase(it);
    remember();
  }

  void handle(const std::string& name) {
    const auto it = now_.find(name);
    if (it != now_.end() && it->second.handed_out) clear(name);
  }

  // The clock's row takes a place in the queue, too.
  void look() {
    const auto before = bench_.waiting();
    bench_.look();
    for (auto more = bench_.waiting() - before; more > 0; --more) remember();
  }

  void commit(std::size_t count) {
    count = std::min(count, undone_.size());
    RC_ASSERT(undone_.size() == bench_.waiting());
    if (count == 0) return;
    bench_.commit(count);
    disk_ = undone_[count - 1];
    undone_.erase(undone_.begin(), undone_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  template <class Change>
  void for_all(Change&& change) {
    for (auto& [name, expected] : now_) change(expected);
    for (auto& [name, expected] : disk_) change(expected);
    for (auto& model : undone_) {
      for (auto& [name, expected] : model) change(expected);
    }
  }

  void wait(Duration d) {
    for_all([d](Expected& expected) { expected.left -= d; });
    hold_left_ = std::max(hold_left_ - d, Duration{0});
  }

  void pass(Duration d) {
    bench_.clock.advance(d);
    wait(d);
    look();
  }
  void step(Duration by) {
    if ((bench_.clock.wall_now() + by).ms < 0) return;
    bench_.clock.set_wall(bench_.clock.wall_now() + by);
    look();
  }
  void suspend(Duration d) {
    bench_.clock.suspend(d);
    look();
  }

  // The process dies: what is on disk is all there is, and nothing of it has been handed out.
  void start_anew() {
    now_ = disk_;
    undone_.clear();
    for (auto& [name, expected] : now_) {
      expected.handed_out = false;
      expected.held = expected.entry.delay;
    }
    hold_left_ = hold;
    for (auto waiting = bench_.waiting(); waiting > 0; --waiting) remember();
  }
  void restart() {
    bench_.restart();
    start_anew();
  }
  // A clock's row that is lost with the boot cannot be known: it is on disk.
  void reboot(Duration off) {
    commit(undone_.size());
    bench_.clock.reboot(off);
    wait(off);
    bench_.restart();
    start_anew();
    commit(undone_.size());  // nor the first of a boot, if the wall clock is stepped before
  }

  Duration due_in(const Expected& expected) const {
    if (!expected.entry.delay) return expected.entry.due - bench_.clock.wall_now();
    return expected.held ? std::max(expected.left, hold_left_) : expected.left;
  }

  std::set<std::string> due() const {
    std::set<std::string> names;
    for (const auto& [name, expected] : now_) {
      if (!expected.handed_out && due_in(expected) <= Duration{0}) names.insert(name);
    }
    return names;
  }

  void fire(std::size_t limit) {
    const auto expected = due();
    const auto fired = bench_.table->fire_due(limit);
    RC_ASSERT(fired.deliveries.size() == std::min(limit, expected.size()));
    RC_ASSERT(fired.more == (limit < expected.size()));
    for (const auto& delivery : fired.deliveries) {
      const auto& name = delivery.message.timer;
      RC_ASSERT(expected.contains(name));
      auto& one = now_.at(name);
      RC_ASSERT(!one.handed_out);
      RC_ASSERT(delivery.message.attempt == one.entry.attempt);
      RC_ASSERT(delivery.message.due == one.entry.due);
      one.handed_out = true;
      for (auto& model : undone_) {
        const auto it = model.find(name);
        if (it != model.end()) it->second.handed_out = true;
      }
    }
  }

  void check_next_due() {
    std::optional<Duration> wall;
    std::optional<Duration> delay;
    for (const auto& [name, expected] : now_) {
      if (expected.handed_out) continue;
      auto& first = expected.entry.delay ? delay : wall;
      first = std::min(first.value_or(Duration::max()), due_in(expected));
    }
    const auto times = bench_.table->next_due();
    RC_ASSERT(times.wall.has_value() == wall.has_value());
    if (wall) RC_ASSERT(*times.wall - bench_.clock.wall_now() == *wall);
    RC_ASSERT(times.awake.has_value() == delay.has_value());
    // What is held has a time that may be past: the end of the hold, or its own.
    if (delay && *delay > Duration{0}) RC_ASSERT(*times.awake - bench_.clock.awake() == *delay);
    if (delay && *delay <= Duration{0}) RC_ASSERT(*times.awake <= bench_.clock.awake());
    RC_ASSERT(bench_.table->stats().pending == now_.size());
  }

  // In the end all fire that have not.
  void end() {
    pass(Duration{10'000'000'000});
    fire(1'000'000);
    RC_ASSERT(due().empty());
    for (const auto& [name, expected] : now_) RC_ASSERT(expected.handed_out);
  }

  static constexpr Duration least = DelayLine::parted_least;

  TimerBench bench_{{.hold = hold, .window = 3}};
  std::uint64_t attempt_ = 0;
  Model now_;   // as the actors see it
  Model disk_;  // as a start would find it
  std::deque<Model> undone_{
      Model{}};  // after each change that is not on disk; the clock's is first
  Duration hold_left_ = hold;
};

rc::Gen<Op> any_op() {
  return rc::gen::build<Op>(rc::gen::set(&Op::what, rc::gen::inRange(0U, 12U)),
                            rc::gen::set(&Op::a, rc::gen::inRange(0, 100)),
                            rc::gen::set(&Op::b, rc::gen::inRange(0, 60)));
}

}  // namespace

TEST_CASE("the law of timers", "[timers][law]") {
  rc::prop("each fires when it is due, once, and none is forgotten", [] {
    const auto size = *rc::gen::inRange(1, 400);
    Law().run(*rc::gen::container<std::vector<Op>>(static_cast<std::size_t>(size), any_op()));
  });
}
