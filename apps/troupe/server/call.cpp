#include "apps/troupe/server/call.h"

#include "runtime/base/random.h"

#include <algorithm>

namespace troupe::server {
namespace {

bool is_first_half(std::string_view text) {
  return !text.empty() && text.size() <= 38 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool is_second_half(std::string_view text) {
  if (text.empty() || text.size() > 38 || text.back() == '-') return false;
  if (text.front() < 'a' || text.front() > 'z') return false;
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

std::string log_key(const std::string& task_id, std::uint32_t run) {
  return task_id + "/" + std::to_string(run);
}

std::string checked_id(capnp::Text::Reader id, const char* parameter) {
  if (!is_slugid(view(id))) {
    throw_error({Errc::invalid,
                 std::string(parameter) + " is not an id of 22 characters: \"" + str(id) + "\""});
  }
  return str(id);
}

std::string checked_queue(capnp::Text::Reader id) {
  const auto queue = view(id);
  const auto slash = queue.find('/');
  if (slash == std::string_view::npos || !is_first_half(queue.substr(0, slash)) ||
      !is_second_half(queue.substr(slash + 1))) {
    throw_error({Errc::invalid,
                 "a queue is named provisioner/worker-type, such as local/default, "
                 "not \"" +
                     str(id) + "\""});
  }
  return str(id);
}

}  // namespace troupe::server
