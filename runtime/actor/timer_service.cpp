#include "runtime/actor/timer_service.h"

#include <cstddef>
#include <utility>

namespace troupe {
namespace {

// As many are handed out before the service looks at its orders again.
constexpr std::size_t portion = 256;

}  // namespace

TimerService::TimerService(const Clock& clock, TimerTable& table, Hooks hooks)
    : table_(table), hooks_(std::move(hooks)), alarm_(clock.make_alarm()) {
  table_.on_nearer([this] { alarm_->ring(); });
}

TimerService::~TimerService() {
  stop();
}

void TimerService::start() {
  thread_ = std::thread([this] { run(); });
}

void TimerService::stop() {
  stopping_ = true;
  alarm_->ring();
  if (thread_.joinable()) thread_.join();
}

void TimerService::run() {
  while (!stopping_) {
    if (auto row = table_.observe_clock()) hooks_.commit(std::move(*row));
    auto fired = table_.fire_due(portion, hooks_.may_fire);
    for (auto& delivery : fired.deliveries) {
      if (stopping_) return;
      hooks_.deliver(std::move(delivery));
    }
    if (fired.refused) {
      alarm_->wait({});
    } else if (!fired.more) {
      alarm_->wait(table_.next_due());
    }
  }
}

}  // namespace troupe
