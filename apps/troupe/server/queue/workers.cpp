// Workers as the queue has met them. Source: spec/queue.md, section 10.
#include "actors/task_queue/queries.h"
#include "actors/worker/drain.h"
#include "actors/worker/queries.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/worker_notes.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::server {

using kj::Promise;
using kj::READY_NOW;

namespace {

using worker::WorkerState;

// A worker that never was in quarantine has the end of one in its past.
constexpr int quarantine_years_ago = 10;

template <class Params>
WorkerKey key_of(Params params) {
  return {str(params.getProvisionerId()) + "/" + str(params.getWorkerType()),
          str(params.getWorkerGroup()), str(params.getWorkerId())};
}

std::optional<WorkerState> find(const Snapshot& snapshot, const WorkerKey& key) {
  auto worker = worker::find_worker(snapshot, key.task_queue_id, key.worker_group, key.worker_id);
  if (worker && !worker->has_record()) worker.reset();
  return worker;
}

// A worker that never claimed under an earlier version is known since it connected.
Instant first_claim_of(const WorkerState& worker) {
  return worker.first_claim ? worker.first_claim : worker.last_active;
}

void fill_runs(const std::vector<worker::ClaimedRun>& runs,
               capnp::List<schema::TaskRun>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setTaskId(text(runs[i].task_id));
    out[i].setRunId(runs[i].run_id);
  }
}

void fill_worker(const WorkerState& worker, Instant now, schema::Worker::Builder out) {
  out.setWorkerGroup(text(worker.worker_group));
  out.setWorkerId(text(worker.worker_id));
  out.setFirstClaim(first_claim_of(worker).ms);
  out.setLastDateActive(worker.last_active.ms);
  if (worker.quarantine_until >= now) out.setQuarantineUntil(worker.quarantine_until.ms);
  if (worker.recent.empty()) return;
  out.initLatestTask().setTaskId(text(worker.recent.back().task_id));
  out.getLatestTask().setRunId(worker.recent.back().run_id);
}

void fill_details(const WorkerState& worker, Instant now, schema::WorkerDetails::Builder out) {
  const auto [provisioner, worker_type] = halves(worker.task_queue_id);
  const Instant first_claim = first_claim_of(worker);
  out.setProvisionerId(text(provisioner));
  out.setWorkerType(text(worker_type));
  out.setTaskQueueId(text(worker.task_queue_id));
  out.setWorkerGroup(text(worker.worker_group));
  out.setWorkerId(text(worker.worker_id));
  fill_runs(worker.recent, out.initRecentTasks(static_cast<unsigned>(worker.recent.size())));
  out.setExpires(worker.expires_at(now).ms);
  const Instant until = worker.quarantine_until ? worker.quarantine_until
                                                : add_years(first_claim, -quarantine_years_ago);
  out.setQuarantineUntil(until.ms);
  out.setFirstClaim(first_claim.ms);
  out.setLastDateActive(worker.last_active.ms);
}

bool is_in_quarantine(const WorkerState& worker, Instant now) {
  return worker.quarantine_until > now;
}

// As the row is now, whatever of it others get to see.
void fill_stored(Site& site, const WorkerKey& key, schema::WorkerDetails::Builder out) {
  const auto worker = find(*site.host.snapshot(), key);
  if (!worker) throw_error({Errc::not_found, "worker " + key.text() + " has expired meanwhile"});
  fill_details(*worker, site.now(), out);
}

}  // namespace

// A page is filtered once it is cut: it may come out short, even empty, with more to follow.
Promise<void> QueueService::listWorkers(ListWorkersContext context) {
  const auto params = context.getParams();
  const auto page = checked_page(params);
  const std::string id = str(params.getProvisionerId()) + "/" + str(params.getWorkerType());
  const std::string_view wanted = view(params.getQuarantined());
  const Instant now = site_.now();
  const auto snapshot = site_.host.snapshot();
  std::string next;
  auto workers = worker::list_workers(*snapshot, id, page, next);
  std::erase_if(workers, [&](const WorkerState& worker) {
    const bool quarantined = worker.quarantine_until >= now;
    if (worker.expires_at(now) < now && !quarantined) return true;
    return !wanted.empty() && quarantined != (wanted == "true");
  });
  auto results = context.getResults();
  auto out = results.initWorkers(static_cast<unsigned>(workers.size()));
  for (unsigned i = 0; i < out.size(); ++i) fill_worker(workers[i], now, out[i]);
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::getWorker(GetWorkerContext context) {
  const WorkerKey key = key_of(context.getParams());
  const Instant now = site_.now();
  const auto snapshot = site_.host.snapshot();
  const auto worker = find(*snapshot, key);
  const auto queue = task_queue::find_queue(*snapshot, key.task_queue_id);
  const bool visible = worker &&
                       (worker->expires_at(now) > now || is_in_quarantine(*worker, now)) &&
                       (worker->session != 0 || (queue && queue->has_record(now)));
  if (!visible)
    throw_error({Errc::not_found, "no worker " + key.text() + " has been seen of late"});
  fill_details(*worker, now, context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::quarantineWorker(QuarantineWorkerContext context) {
  const WorkerKey key = key_of(context.getParams());
  const auto request = context.getParams().getRequest();
  std::string info = str(request.getQuarantineInfo());
  if (info.empty()) info = worker::no_reason;
  auto command = build<schema::WorkerMessage>([&](schema::WorkerMessage::Builder m) {
    auto change = m.initQuarantine();
    change.setClientId(text(call_.caller().credentials().client_id));
    change.setQuarantineUntil(request.getQuarantineUntil());
    change.setQuarantineInfo(text(info));
  });
  return ask(site_, worker_id(key.text()), std::move(command))
      .then([this, context, key](Bytes) mutable { fill_stored(site_, key, context.getResults()); });
}

Promise<void> QueueService::declareWorker(DeclareWorkerContext context) {
  const auto params = context.getParams();
  const WorkerKey key = key_of(params);
  const auto [provisioner, worker_type] = halves(key.task_queue_id);
  auto values = api_values({{"provisionerId", provisioner},
                            {"workerType", worker_type},
                            {"workerGroup", key.worker_group},
                            {"workerId", key.worker_id}});
  call_.authorize(values.list("properties", {"expires"}));
  checked_queue(text(key.task_queue_id));
  const Instant expires{params.getRequest().getExpires()};
  return ask(site_, worker_id(key.text()),
             build<schema::WorkerMessage>(
                 [expires](schema::WorkerMessage::Builder m) { m.setDeclare(expires.ms); }))
      .then([this, key, expires](Bytes) {
        return ask(site_, task_queue_id(key.task_queue_id),
                   build<schema::TaskQueueMessage>([expires](schema::TaskQueueMessage::Builder m) {
                     m.setActive(expires.ms);
                   }));
      })
      .then([this, context, key](Bytes) mutable { fill_stored(site_, key, context.getResults()); });
}

}  // namespace troupe::server
