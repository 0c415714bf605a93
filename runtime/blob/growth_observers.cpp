#include "runtime/blob/growth_observers.h"

#include <utility>

namespace troupe {

struct GrowthObservers::Entry {
  explicit Entry(GrowthCallback c) : callback(std::move(c)) {}

  const GrowthCallback callback;

  // Recursive: a callback may drop its own registration.
  std::recursive_mutex mutex;
  bool active = true;  // under mutex
};

class GrowthObservers::Registration final : public GrowthObserver {
 public:
  Registration(std::shared_ptr<GrowthObservers> table,
               std::string key,
               std::shared_ptr<Entry> entry)
      : table_(std::move(table)), key_(std::move(key)), entry_(std::move(entry)) {}

  ~Registration() override {
    table_->remove(key_, entry_);
    const std::lock_guard lock(entry_->mutex);  // waits for a call under way
    entry_->active = false;
  }

 private:
  std::shared_ptr<GrowthObservers> table_;
  std::string key_;
  std::shared_ptr<Entry> entry_;
};

std::unique_ptr<GrowthObserver> GrowthObservers::add(const std::string& key,
                                                     GrowthCallback callback) {
  auto entry = std::make_shared<Entry>(std::move(callback));
  {
    const std::lock_guard lock(mutex_);
    entries_[key].push_back(entry);
  }
  return std::make_unique<Registration>(shared_from_this(), key, std::move(entry));
}

void GrowthObservers::notify(const std::string& key, const StreamGrowth& growth) {
  std::vector<std::shared_ptr<Entry>> called;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    called = found->second;
  }
  for (const auto& entry : called) {
    const std::lock_guard lock(entry->mutex);
    if (!entry->active) continue;
    if (growth.ended) entry->active = false;
    entry->callback(growth);
  }
}

void GrowthObservers::remove(const std::string& key, const std::shared_ptr<Entry>& entry) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  std::erase(found->second, entry);
  if (found->second.empty()) entries_.erase(found);
}

}  // namespace troupe
