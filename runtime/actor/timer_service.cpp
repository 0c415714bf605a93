#include "runtime/actor/timer_service.h"

#include <utility>

namespace troupe {
namespace {

// As many are handed out before the service looks at its orders again.
constexpr std::size_t portion = 64;

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

TimerTable::Fired TimerService::fire(std::size_t limit) {
  if (auto row = table_.observe_clock()) hooks_.commit(std::move(*row));
  auto fired = table_.fire_due(limit, hooks_.may_fire);
  for (auto& delivery : fired.deliveries) {
    if (stopping_) break;
    hooks_.deliver(std::move(delivery));
  }
  return fired;
}

std::size_t TimerService::step(std::size_t limit) {
  return fire(limit).deliveries.size();
}

void TimerService::run() {
  while (!stopping_) {
    const auto fired = fire(portion);
    if (stopping_) return;
    if (fired.refused) {
      alarm_->wait({});
    } else if (!fired.more) {
      alarm_->wait(table_.next_due());
    }
  }
}

}  // namespace troupe
