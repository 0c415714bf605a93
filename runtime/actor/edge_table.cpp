#include "runtime/actor/edge_table.h"

#include <utility>

namespace troupe {

std::uint32_t EdgeTable::add(ReplySink& sink) {
  const std::lock_guard lock(mutex_);
  edges_[++last_] = &sink;
  return last_;
}

void EdgeTable::remove(std::uint32_t edge) {
  const std::lock_guard lock(mutex_);
  edges_.erase(edge);
}

void EdgeTable::release(std::vector<Reply> replies) {
  const std::lock_guard lock(mutex_);
  std::size_t from = 0;
  while (from < replies.size()) {
    const auto edge = replies[from].to.edge;
    std::vector<Reply> group;
    while (from < replies.size() && replies[from].to.edge == edge) {
      group.push_back(std::move(replies[from++]));
    }
    const auto found = edges_.find(edge);
    if (found != edges_.end()) found->second->take(std::move(group));
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
