#include "apps/troupe/server/worker_notes.h"

#include "apps/troupe/server/sightings.h"

#include <utility>

namespace troupe::server {
namespace {

kj::Promise<void> note(Site& site, const std::string& name, ActorId to, Bytes message) {
  return ask(site, std::move(to), std::move(message))
      .ignoreResult()
      .catch_([sightings = site.sightings, name](kj::Exception&&) { sightings->forget(name); });
}

}  // namespace

void fill_name(const WorkerKey& worker, schema::WorkerName::Builder out) {
  out.setTaskQueueId(text(worker.task_queue_id));
  out.setWorkerGroup(text(worker.worker_group));
  out.setWorkerId(text(worker.worker_id));
}

kj::Promise<void> note_queue(Site& site, const std::string& task_queue_id, Duration kept) {
  if (!site.sightings->is_due(task_queue_id, site.clock.elapsed())) return kj::READY_NOW;
  return note(site, task_queue_id, troupe::task_queue_id(task_queue_id),
              build<schema::TaskQueueMessage>([&](schema::TaskQueueMessage::Builder m) {
                m.setActive((site.now() + kept).ms);
              }));
}

kj::Promise<void> note_worker(Site& site, const WorkerKey& worker) {
  auto queue = note_queue(site, worker.task_queue_id, claim_work_keeps);
  const std::string name = worker.text();
  if (!site.sightings->is_due(name, site.clock.elapsed())) return queue;
  auto noted =
      note(site, name, worker_id(name),
           build<schema::WorkerMessage>([](schema::WorkerMessage::Builder m) { m.setSeen(); }));
  return queue.then([noted = kj::mv(noted)]() mutable { return kj::mv(noted); });
}

}  // namespace troupe::server
