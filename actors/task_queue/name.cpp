#include "actors/task_queue/name.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

constexpr std::size_t half_bytes_max = 38;

bool is_provisioner(std::string_view text) {
  return !text.empty() && text.size() <= half_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool is_worker_type(std::string_view text) {
  if (text.empty() || text.size() > half_bytes_max || text.back() == '-') return false;
  if (text.front() < 'a' || text.front() > 'z') return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

bool is_queue_name(std::string_view id) {
  const auto slash = id.find('/');
  return slash != std::string_view::npos && is_provisioner(id.substr(0, slash)) &&
         is_worker_type(id.substr(slash + 1));
}

}  // namespace troupe::task_queue
