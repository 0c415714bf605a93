#include "bench/support/probe.h"

#include "runtime/base/random.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"

#include <algorithm>
#include <utility>

namespace troupe::bench {

double Latencies::max_ms() const {
  return quantile_ms(1);
}

double Latencies::quantile_ms(double share) const {
  if (seconds.empty()) return 0;
  auto sorted = seconds;
  std::ranges::sort(sorted);
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(last * share)] * 1e3;
}

Probe::Probe(std::unique_ptr<client::Connection> connection,
             std::vector<std::string> queues,
             std::size_t in_flight)
    : connection_(std::move(connection)),
      queues_(std::move(queues)),
      in_flight_(in_flight),
      group_(new_slugid()),
      created_(queues_.size()) {}

void Probe::start() {
  kj::Vector<kj::Promise<void>> lanes;
  for (std::size_t i = 0; i < in_flight_; ++i) lanes.add(lane());
  lanes_ = kj::joinPromises(lanes.releaseAsArray()).eagerlyEvaluate(nullptr);
}

void Probe::stop(kj::WaitScope& wait_scope) {
  stopping_ = true;
  lanes_.wait(wait_scope);
  lanes_ = kj::READY_NOW;
}

std::size_t Probe::created_in(const std::string& queue) const {
  const auto found = std::ranges::find(queues_, queue);
  return found == queues_.end() ? 0 : created_[static_cast<std::size_t>(found - queues_.begin())];
}

kj::Promise<void> Probe::lane() {
  if (stopping_) return kj::READY_NOW;
  const auto queue = next_++ % queues_.size();
  const std::string id = new_slugid();
  const Stopwatch creating;
  return create_task(connection_->queue(), id, plan_for(queues_[queue], group_))
      .then([this, id, queue, creating] {
        creations_.seconds.push_back(creating.seconds());
        created_[queue] += 1;
        auto request = connection_->queue().statusRequest();
        request.setTaskId(text(id));
        const Stopwatch asking;
        return request.send().ignoreResult().then([this, asking] {
          queries_.seconds.push_back(asking.seconds());
          return lane();
        });
      });
}

}  // namespace troupe::bench
