#include "apps/troupe/server/sightings.h"

namespace troupe::server {

bool Sightings::is_due(const std::string& name, Duration elapsed) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(name);
  if (found != known_.end()) {
    if (elapsed - found->second < frequency) return false;
    found->second = elapsed;
    return true;
  }
  if (known_.size() >= known_max) known_.clear();
  known_.emplace(name, elapsed);
  return true;
}

void Sightings::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  known_.erase(name);
}

}  // namespace troupe::server
