#include "runtime/clock/clock.h"

#include "runtime/base/assert.h"

#include <time.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

namespace troupe {

namespace {

std::int64_t read_ms(clockid_t id) {
  timespec t{};
  TROUPE_ENSURES(clock_gettime(id, &t) == 0);
  return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace

Instant wall_now() {
  return {read_ms(CLOCK_REALTIME)};
}

Duration elapsed_now() {
  return Duration{read_ms(CLOCK_BOOTTIME)};
}

Instant SystemClock::wall_now() const {
  return troupe::wall_now();
}

Duration SystemClock::elapsed() const {
  return troupe::elapsed_now();
}

Duration SystemClock::awake() const {
  return Duration{read_ms(CLOCK_MONOTONIC)};
}

std::string SystemClock::boot_id() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::unique_ptr<Alarm> SystemClock::make_alarm() const {
  return make_kernel_alarm();
}

struct ManualClock::Hands {
  std::mutex mutex;  // guards all below
  std::condition_variable moved;
  Instant wall;
  Duration elapsed{0};
  Duration slept{0};
  std::uint64_t boots = 1;
  std::uint64_t steps = 0;  // of the wall clock, suspends included
};

class ManualClock::ManualAlarm final : public Alarm {
 public:
  explicit ManualAlarm(std::shared_ptr<Hands> hands) : hands_(std::move(hands)) {
    const std::lock_guard lock(hands_->mutex);
    steps_ = hands_->steps;
  }

  void wait(const Times& times) override {
    std::unique_lock lock(hands_->mutex);
    hands_->moved.wait(lock, [this, &times] {
      return rung_ || steps_ != hands_->steps || (times.wall && *times.wall <= hands_->wall) ||
             (times.awake && *times.awake <= hands_->elapsed - hands_->slept);
    });
    rung_ = false;
    steps_ = hands_->steps;
  }

  void ring() override {
    const std::lock_guard lock(hands_->mutex);
    rung_ = true;
    hands_->moved.notify_all();
  }

 private:
  std::shared_ptr<Hands> hands_;
  // Guarded by the hands' mutex.
  bool rung_ = false;
  std::uint64_t steps_ = 0;  // noticed so far
};

ManualClock::ManualClock(Instant wall, Duration elapsed) : hands_(std::make_shared<Hands>()) {
  hands_->wall = wall;
  hands_->elapsed = elapsed;
}

ManualClock::~ManualClock() = default;

Instant ManualClock::wall_now() const {
  const std::lock_guard lock(hands_->mutex);
  return hands_->wall;
}

Duration ManualClock::elapsed() const {
  const std::lock_guard lock(hands_->mutex);
  return hands_->elapsed;
}

Duration ManualClock::awake() const {
  const std::lock_guard lock(hands_->mutex);
  return hands_->elapsed - hands_->slept;
}

std::string ManualClock::boot_id() const {
  const std::lock_guard lock(hands_->mutex);
  return "boot " + std::to_string(hands_->boots);
}

std::unique_ptr<Alarm> ManualClock::make_alarm() const {
  return std::make_unique<ManualAlarm>(hands_);
}

template <class Change>
void ManualClock::change(Change&& change) {
  const std::lock_guard lock(hands_->mutex);
  change(*hands_);
  hands_->moved.notify_all();
}

void ManualClock::advance(Duration d) {
  TROUPE_EXPECTS(d >= Duration{0});
  change([d](Hands& hands) {
    hands.wall = hands.wall + d;
    hands.elapsed += d;
  });
}

void ManualClock::set_wall(Instant t) {
  change([t](Hands& hands) {
    hands.wall = t;
    hands.steps += 1;
  });
}

void ManualClock::suspend(Duration d) {
  TROUPE_EXPECTS(d >= Duration{0});
  change([d](Hands& hands) {
    hands.wall = hands.wall + d;
    hands.elapsed += d;
    hands.slept += d;
    hands.steps += 1;
  });
}

void ManualClock::reboot(Duration d) {
  TROUPE_EXPECTS(d >= Duration{0});
  change([d](Hands& hands) {
    hands.wall = hands.wall + d;
    hands.elapsed = Duration{0};
    hands.slept = Duration{0};
    hands.boots += 1;
    hands.steps += 1;
  });
}

}  // namespace troupe
