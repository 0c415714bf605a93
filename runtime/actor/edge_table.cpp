#include "runtime/actor/edge_table.h"

#include <utility>

namespace troupe {

std::uint32_t EdgeTable::add(ReplySink& sink) {
  const std::lock_guard lock(mutex_);
  edges_[++last_].sink = &sink;
  return last_;
}

void EdgeTable::remove(std::uint32_t edge) {
  const std::lock_guard lock(mutex_);
  edges_.erase(edge);
}

void EdgeTable::gather(std::vector<Reply> replies) {
  const std::lock_guard lock(mutex_);
  for (auto& reply : replies) {
    const auto found = edges_.find(reply.to.edge);
    if (found != edges_.end()) found->second.gathered.push_back(std::move(reply));
  }
}

void EdgeTable::release() {
  const std::lock_guard lock(mutex_);
  for (auto& [number, edge] : edges_) {
    if (!edge.gathered.empty()) edge.sink->take(std::exchange(edge.gathered, {}));
  }
}

std::uint64_t EventWatchers::add(std::function<void()> notify) {
  const std::lock_guard lock(mutex_);
  watchers_[++last_] = std::move(notify);
  return last_;
}

void EventWatchers::remove(std::uint64_t watch) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(watch);
}

void EventWatchers::notify() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, watcher] : watchers_) watcher();
}

}  // namespace troupe
