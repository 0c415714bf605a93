// Answers to claimWork that are given again if the same request comes again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace troupe::task_queue {

/// Of one queue; the oldest is forgotten. A caller that repeats does so within minutes.
inline constexpr std::size_t answered_max = 1'000;

/// Which requests have been answered, and where their rows are.
class AnsweredRequests {
 public:
  void add(const std::string& request_id, std::uint64_t number) {
    number_of_[request_id] = number;
    by_number_[number] = request_id;
  }
  void remove(std::uint64_t number) {
    const auto found = by_number_.find(number);
    if (found == by_number_.end()) return;
    number_of_.erase(found->second);
    by_number_.erase(found);
  }
  std::optional<std::uint64_t> find(const std::string& request_id) const {
    const auto found = number_of_.find(request_id);
    if (found == number_of_.end()) return std::nullopt;
    return found->second;
  }
  /// Requires that there is one.
  std::uint64_t oldest() const { return by_number_.begin()->first; }
  std::size_t size() const { return by_number_.size(); }

 private:
  std::map<std::string, std::uint64_t> number_of_;
  std::map<std::uint64_t, std::string> by_number_;
};

}  // namespace troupe::task_queue
