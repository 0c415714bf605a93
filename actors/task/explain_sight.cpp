#include "actors/task/explain_sight.h"

#include "actors/task/queries.h"

#include <algorithm>
#include <utility>

namespace troupe::task {
namespace {

// The pace of a queue is that of its last claims.
constexpr std::size_t starts_max = 32;
// Runs that are looked at for that: of many workers only the latest of each.
constexpr std::size_t runs_max = 1'000;

struct Recent {
  Instant active;
  std::vector<worker::ClaimedRun> runs;  // newest last
};

// What the workers that were active last have run.
std::vector<Recent> recent_runs(const Snapshot& snapshot, const std::string& queue_id) {
  std::vector<Recent> all;
  worker::visit_workers(snapshot, queue_id, [&all](worker::WorkerState& w) {
    if (!w.recent.empty()) all.push_back({w.last_active, std::move(w.recent)});
    return true;
  });
  std::ranges::stable_sort(all, std::ranges::greater{}, &Recent::active);
  if (all.size() > runs_max) all.resize(runs_max);
  return all;
}

}  // namespace

QueueSight::QueueSight(const Snapshot& snapshot, const std::string& id, Instant now)
    : snapshot_(snapshot),
      id_(id),
      now_(now),
      queue_(task_queue::find_queue(snapshot, id)),
      staff_(worker::staffing(snapshot, id, now)) {}

const Offers& QueueSight::offers() {
  if (offers_) return *offers_;
  offers_.emplace();
  auto used = task_queue::used_by_workers(snapshot_, *queue_);
  worker::visit_workers(snapshot_, id_, [&](const worker::WorkerState& w) {
    if (!w.is_there(now_) || !worker::pause_of(w, now_).empty()) return true;
    offers_->unlimited = !w.resources;
    if (offers_->unlimited) return false;
    Offer offer;
    for (const auto& resource : *w.resources) offer.offered[resource.name] = resource.amount;
    offer.used = std::move(used[task_queue::worker_mark(w.worker_group + "/" + w.worker_id)]);
    offers_->limited.push_back(std::move(offer));
    return true;
  });
  return *offers_;
}

const std::vector<Instant>& QueueSight::starts() {
  if (starts_) return *starts_;
  starts_.emplace();
  const auto recent = recent_runs(snapshot_, id_);
  const auto each = runs_max / std::max<std::size_t>(1, recent.size());
  for (const auto& [active, runs] : recent) {
    for (std::size_t i = runs.size() - std::min(runs.size(), each); i < runs.size(); ++i) {
      auto task = find_task(snapshot_, runs[i].task_id);
      if (!task || runs[i].run_id >= task->row().getRuns().size()) continue;
      const Instant start{task->row().getRuns()[runs[i].run_id].getStarted()};
      if (start) starts_->push_back(start);
    }
  }
  std::ranges::sort(*starts_, std::ranges::greater{});
  if (starts_->size() > starts_max) starts_->resize(starts_max);
  return *starts_;
}

QueueSight& Sight::queue(const std::string& id) {
  return queues_.try_emplace(id, snapshot, id, now).first->second;
}

const std::vector<std::string>& Sight::staffed_queues() {
  if (!staffed_) staffed_ = worker::staffed_queues(snapshot, now);
  return *staffed_;
}

}  // namespace troupe::task
