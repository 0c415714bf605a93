#include "apps/troupe/server/call.h"

#include "actors/task_queue/name.h"
#include "runtime/base/random.h"

#include <algorithm>
#include <cctype>

namespace troupe::server {
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
  if (!task_queue::is_queue_name(view(id))) {
    throw_error({Errc::invalid,
                 "a queue is named provisioner/worker-type, such as local/default, "
                 "not \"" +
                     str(id) + "\""});
  }
  return str(id);
}

void check_token(std::string_view token) {
  const bool legal = std::ranges::all_of(token, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '=';
  });
  if (!legal) {
    throw_error({Errc::invalid, "continuationToken: use the one of the page before as it is"});
  }
}

}  // namespace troupe::server
