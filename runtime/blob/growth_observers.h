// Who wants to know when a stream grows. Callbacks run without the table's lock.
#pragma once

#include "runtime/blob/stream_store.h"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Thread safety: any thread. Observers share ownership of the table, so they may outlive its
/// store.
class GrowthObservers : public std::enable_shared_from_this<GrowthObservers> {
 public:
  std::unique_ptr<GrowthObserver> add(const std::string& key, GrowthCallback callback);
  void notify(const std::string& key, const StreamGrowth& growth);

 private:
  struct Entry;
  class Registration;

  void remove(const std::string& key, const std::shared_ptr<Entry>& entry);

  std::mutex mutex_;
  // Under mutex_.
  std::unordered_map<std::string, std::vector<std::shared_ptr<Entry>>> entries_;
};

}  // namespace troupe
