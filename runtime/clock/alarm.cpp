#include "runtime/clock/alarm.h"

#include "runtime/base/assert.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace troupe {
namespace {

// The year 2191: a timer that is armed for no other reason than to hear of steps.
constexpr std::int64_t never_ms = 7'000'000'000'000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) { TROUPE_ENSURES(fd_ >= 0); }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

  /// Takes what was counted. ECANCELED (the wall clock was stepped) and EAGAIN are as good.
  void drain() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(fd_, &count, sizeof(count));
  }

 private:
  int fd_;
};

itimerspec at(std::int64_t ms) {
  // Zero would disarm it; what is past fires at once.
  const std::int64_t when = std::clamp<std::int64_t>(ms, 1, never_ms);
  itimerspec spec{};
  spec.it_value.tv_sec = when / 1000;
  spec.it_value.tv_nsec = when % 1000 * 1'000'000;
  return spec;
}

class KernelAlarm final : public Alarm {
 public:
  void wait(const Times& times) override {
    if (!arm(times)) return;
    std::array<pollfd, 3> all{
        {{rung_.get(), POLLIN, 0}, {wall_.get(), POLLIN, 0}, {awake_.get(), POLLIN, 0}}};
    while (::poll(all.data(), all.size(), -1) < 0) TROUPE_INVARIANT(errno == EINTR);
    if (all[0].revents != 0) rung_.drain();
    if (all[1].revents != 0) wall_.drain();
    if (all[2].revents != 0) awake_.drain();
  }

  void ring() override {
    const std::uint64_t one = 1;
    // Fails only if it rings already.
    [[maybe_unused]] const auto written = ::write(rung_.get(), &one, sizeof(one));
  }

 private:
  // False: the wall clock was stepped since the last wait.
  bool arm(const Times& times) const {
    const itimerspec awake = times.awake ? at(times.awake->count()) : itimerspec{};
    TROUPE_ENSURES(timerfd_settime(awake_.get(), TFD_TIMER_ABSTIME, &awake, nullptr) == 0);
    // Armed in any case: only then does the kernel tell of steps, and of the end of a suspend.
    const itimerspec wall = at(times.wall ? times.wall->ms : never_ms);
    constexpr int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    if (timerfd_settime(wall_.get(), flags, &wall, nullptr) == 0) return true;
    TROUPE_INVARIANT(errno == ECANCELED);
    return false;
  }

  Descriptor rung_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Descriptor wall_{timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
  Descriptor awake_{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
};

}  // namespace

std::unique_ptr<Alarm> make_kernel_alarm() {
  return std::make_unique<KernelAlarm>();
}

}  // namespace troupe
