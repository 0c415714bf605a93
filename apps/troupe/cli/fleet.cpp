#include "apps/troupe/cli/fleet.h"

#include "apps/troupe/cli/pages.h"

namespace troupe::cli {

void for_each_queue(Session& session,
                    const std::string& task_queue_id,
                    const std::function<void(schema::QueueSummary::Reader)>& visit) {
  const auto ask = [&] {
    auto request = session.troupe().listQueuesRequest();
    request.setTaskQueueId(task_queue_id);
    return request;
  };
  for_each_page(session, ask, [&](const auto& page) {
    for (const auto queue : page.getQueues()) {
      // A server of an earlier version lists all.
      if (task_queue_id.empty() || task_queue_id == queue.getTaskQueueId().cStr()) visit(queue);
    }
  });
}

bool has_queue(Session& session, const std::string& task_queue_id) {
  bool found = false;
  for_each_queue(session, task_queue_id, [&found](schema::QueueSummary::Reader) { found = true; });
  return found;
}

void for_each_worker(Session& session,
                     const std::string& task_queue_id,
                     const std::function<void(schema::WorkerSummary::Reader)>& visit) {
  const auto ask = [&] {
    auto request = session.troupe().listWorkersRequest();
    request.setTaskQueueId(task_queue_id);
    return request;
  };
  for_each_page(session, ask, [&](const auto& page) {
    for (const auto worker : page.getWorkers()) visit(worker);
  });
}

}  // namespace troupe::cli
