#include "apps/troupe/server/strangers.h"

#include "runtime/base/assert.h"

#include <algorithm>
#include <utility>

namespace troupe::server {

Strangers::Stranger::Stranger(Strangers& all, const std::string& address)
    : all_(all), group_(all.present_.try_emplace(address).first), has_to_leave_(nullptr) {
  place_ = group_->second.insert(group_->second.end(), this);
  all_.count_ += 1;
  auto pair = kj::newPromiseAndFulfiller<void>();
  has_to_leave_ = kj::mv(pair.promise);
  leave_ = kj::mv(pair.fulfiller);
}

void Strangers::Stranger::forget() {
  if (!std::exchange(present_, false)) return;
  group_->second.erase(place_);
  if (group_->second.empty()) all_.present_.erase(group_);
  all_.count_ -= 1;
}

kj::Own<Strangers::Stranger> Strangers::admit(const std::string& address) {
  if (count_ >= limit_) send_one_away();
  TROUPE_ENSURES(count_ < limit_);
  return kj::heap<Stranger>(*this, address);
}

bool Strangers::send_one_away() {
  const auto most = std::max_element(
      present_.begin(), present_.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (most == present_.end()) return false;
  Stranger& oldest = *most->second.front();
  oldest.forget();
  oldest.leave_->fulfill();
  sent_away_ += 1;
  return true;
}

}  // namespace troupe::server
