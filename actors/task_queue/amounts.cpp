#include "actors/task_queue/amounts.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

std::uint64_t amount_in(const Amounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second;
}

}  // namespace

// Sums may wrap around, whatever tasks ask for: what is subtracted later brings them back.
void add(Amounts& total, const Amounts& more) {
  for (const auto& [name, amount] : more) total[name] += amount;
}

void subtract(Amounts& total, const Amounts& less) {
  for (const auto& [name, amount] : less) {
    if ((total[name] -= amount) == 0) total.erase(name);
  }
}

bool fits(const Amounts& demands, const Amounts& offered, const Amounts& used) {
  return std::ranges::all_of(demands, [&](const auto& demand) {
    const auto& [name, amount] = demand;
    const std::uint64_t has = amount_in(offered, name);
    const std::uint64_t taken = amount_in(used, name);
    return taken <= has && amount <= has - taken;
  });
}

std::string lane_of(const Amounts& demands) {
  std::string lane;
  for (const auto& [name, amount] : demands) {
    lane += (lane.empty() ? "" : ",") + name + "=" + std::to_string(amount);
  }
  return lane;
}

}  // namespace troupe::task_queue
