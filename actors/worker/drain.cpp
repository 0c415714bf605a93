#include "actors/worker/drain.h"

namespace troupe::worker {
namespace {

constexpr int years = 100;
constexpr int years_min = 50;  // of one that was made by any release
constexpr std::string_view word = "drained";
constexpr std::string_view behind_word = ": ";

}  // namespace

Instant drained_until(Instant now) {
  return add_years(now, years);
}

std::string drain_info(const std::string& reason) {
  std::string info(word);
  if (!reason.empty()) info.append(behind_word).append(reason);
  return info;
}

std::optional<std::string> drain_reason(Instant updated, Instant until, std::string_view info) {
  if (until < add_years(updated, years_min) || !info.starts_with(word)) return std::nullopt;
  info.remove_prefix(word.size());
  if (info.empty()) return std::string();
  if (!info.starts_with(behind_word)) return std::nullopt;
  return std::string(info.substr(behind_word.size()));
}

}  // namespace troupe::worker
