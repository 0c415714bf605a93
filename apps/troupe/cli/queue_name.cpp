#include "apps/troupe/cli/queue_name.h"

#include "actors/task_queue/name.h"

namespace troupe::cli {

Status check_queue_name(const std::string& name, const std::string& flag) {
  if (task_queue::is_queue_name(name)) return Done{};
  return Error{Errc::invalid, (flag.empty() ? "" : flag + ": ") + "\"" + name +
                                  "\" is not a task queue such as local/default: "
                                  "PROVISIONER/WORKER-TYPE, the latter in lower case"};
}

}  // namespace troupe::cli
