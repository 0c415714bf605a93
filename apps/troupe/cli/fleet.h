// Task queues and workers, as the server lists them: each list is asked for page by page. A reader
// lives as long as its visit. A refused call is thrown as a kj::Exception.
#pragma once

#include "schema/api/troupe.capnp.h"

#include <functional>
#include <string>

namespace troupe::cli {

class Session;

/// Visits the task queue of this id, if there is one; each, in the order of their ids, if it is
/// empty.
void for_each_queue(Session& session,
                    const std::string& task_queue_id,
                    const std::function<void(schema::QueueSummary::Reader)>& visit);

/// Whether anybody has used it.
bool has_queue(Session& session, const std::string& task_queue_id);

/// Visits each worker of a queue, or of all if it is empty, in the order of their names.
void for_each_worker(Session& session,
                     const std::string& task_queue_id,
                     const std::function<void(schema::WorkerSummary::Reader)>& visit);

}  // namespace troupe::cli
