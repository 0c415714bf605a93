// What task queues are called.
#pragma once

#include <string_view>

namespace troupe::task_queue {

/// Whether `id` is `PROVISIONER/WORKER-TYPE`, each of 1 to 38 characters: letters, digits, `-` and
/// `_`; and of the latter small letters, digits and `-` that begin with a letter and do not end
/// with `-`. Source: spec/queue.md, "taskQueueId".
bool is_queue_name(std::string_view id);

}  // namespace troupe::task_queue
