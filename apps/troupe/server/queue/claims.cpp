// What workers say over HTTP: they claim, renew and report runs, under credentials of their claims.
// Source: spec/queue.md, sections 7 and 8.
#include "actors/worker/queries.h"
#include "apps/troupe/server/log_types.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/task_credentials.h"
#include "apps/troupe/server/worker_notes.h"

#include <rapidjson/document.h>

#include <functional>
#include <memory>

namespace troupe::server {

using kj::Promise;
using kj::READY_NOW;

namespace {

/// A claim as those who hold it are told of it: what TaskClaim and TaskReclaim share.
template <class Answer>
void fill_claim(Site& site,
                schema::TaskStatus::Reader status,
                std::uint32_t run_id,
                capnp::List<capnp::Text>::Reader task_scopes,
                Answer out) {
  const auto run = status.getRuns()[run_id];
  ClaimGrant claim{str(status.getTaskId()),      run_id,
                   str(run.getWorkerGroup()),    str(run.getWorkerId()),
                   Instant{run.getTakenUntil()}, {}};
  for (const auto scope : task_scopes) claim.task_scopes.push_back(str(scope));
  take(issue(site.realm, grant_of(claim), site.now(), out.initCredentials()));
  out.setStatus(status);
  out.setRunId(run_id);
  out.setWorkerGroup(run.getWorkerGroup());
  out.setWorkerId(run.getWorkerId());
  out.setTakenUntil(run.getTakenUntil());
}

void log_claim(const char* event, schema::TaskStatus::Reader status, std::uint32_t run_id) {
  const auto run = status.getRuns()[run_id];
  log_typed(event, {{"task_queue_id", view(status.getTaskQueueId())},
                    {"worker_group", view(run.getWorkerGroup())},
                    {"worker_id", view(run.getWorkerId())},
                    {"task_id", view(status.getTaskId())},
                    {"run_id", std::uint64_t{run_id}}});
}

// A run that is still what its worker was told: it may have been cancelled meanwhile.
bool is_held(task::TaskView& task, const HeldClaim& held) {
  const auto runs = task.row().getRuns();
  return held.run_id < runs.size() && runs[held.run_id].getToken() == held.token &&
         runs[held.run_id].getState() == schema::TaskState::RUNNING;
}

schema::TaskStatus::Reader read_status(task::TaskView& task, capnp::MallocMessageBuilder& message) {
  auto status = message.initRoot<schema::TaskStatus>();
  task.fill_status(status);
  return status.asReader();
}

// False if there is none of it any more.
bool fill_work(Site& site, const std::vector<HeldClaim>& claims, schema::WorkClaims::Builder out) {
  const auto snapshot = site.host.snapshot();
  std::vector<std::pair<task::TaskView, std::uint32_t>> tasks;
  for (const HeldClaim& held : claims) {
    auto task = task::find_task(*snapshot, held.task_id);
    if (task && is_held(*task, held)) tasks.emplace_back(std::move(*task), held.run_id);
  }
  if (tasks.empty()) return false;
  auto list = out.initTasks(static_cast<unsigned>(tasks.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    auto& [task, run] = tasks[i];
    capnp::MallocMessageBuilder message;
    const auto status = read_status(task, message);
    fill_claim(site, status, run, task.definition().getScopes(), list[i]);
    task.fill_definition(list[i].initTask());
    log_claim("task_claimed", status, run);
  }
  return true;
}

// Old workers report a failure as a completion without success.
bool says_failed(const api::HttpExchange* http) {
  if (http == nullptr || http->body.empty()) return false;
  rapidjson::Document body;
  body.Parse<rapidjson::kParseIterativeFlag>(http->body.data(), http->body.size());
  if (body.HasParseError() || !body.IsObject()) return false;
  const auto success = body.FindMember("success");
  return success != body.MemberEnd() && success->value.IsFalse();
}

// For all who ask: an exchange wants to be asked once.
std::function<Promise<void>()> asked_once(Promise<void> gone) {
  auto shared = std::make_shared<kj::ForkedPromise<void>>(gone.fork());
  return [shared] { return shared->addBranch(); };
}

void refuse_quarantined(const Site& site, const Snapshot& snapshot, const WorkerKey& worker) {
  const auto known =
      worker::find_worker(snapshot, worker.task_queue_id, worker.worker_group, worker.worker_id);
  if (!known || known->quarantine_until <= site.now()) return;
  throw_error({Errc::conflict, "worker " + worker.worker_group + "/" + worker.worker_id +
                                   " is in quarantine until " +
                                   format_time(known->quarantine_until)});
}

schema::ReasonResolved resolved_reason(schema::ReportedReason reason) {
  using Resolved = schema::ReasonResolved;
  switch (reason) {
    case schema::ReportedReason::NONE: break;  // refused by its schema
    case schema::ReportedReason::WORKER_SHUTDOWN: return Resolved::WORKER_SHUTDOWN;
    case schema::ReportedReason::MALFORMED_PAYLOAD: return Resolved::MALFORMED_PAYLOAD;
    case schema::ReportedReason::RESOURCE_UNAVAILABLE: return Resolved::RESOURCE_UNAVAILABLE;
    case schema::ReportedReason::INTERNAL_ERROR: return Resolved::INTERNAL_ERROR;
    case schema::ReportedReason::INTERMITTENT_TASK: return Resolved::INTERMITTENT_TASK;
  }
  throw_error({Errc::invalid_payload, "reason: is none that a worker reports"});
}

}  // namespace

Promise<void> QueueService::claimWork(ClaimWorkContext context) {
  const auto params = context.getParams();
  const auto request = params.getRequest();
  const std::string queue = checked_queue(params.getTaskQueueId());
  const WorkerKey worker{queue, str(request.getWorkerGroup()), str(request.getWorkerId())};
  const std::string request_id = str(params.getRequestId());
  if (!request_id.empty()) checked_id(params.getRequestId(), "requestId");
  call_.authorize(api_values({{"taskQueueId", queue},
                              {"workerGroup", worker.worker_group},
                              {"workerId", worker.worker_id}}));
  WorkRequest work{worker, request.getTasks(), request_id,
                   site_.timer.now() + site_.claim_work_timeout.count() * kj::MILLISECONDS,
                   nullptr};
  if (call_.http() != nullptr) {
    if (call_.http()->peer_gone) work.peer_gone = asked_once(call_.http()->peer_gone());
    if (call_.http()->begin_waiting) call_.http()->begin_waiting();
  }
  context.allowCancellation();
  return give_work(std::move(work), note_worker(site_, worker), context)
      .attach(kj::heap<Stopping::Waiter>(*site_.stopping));
}

Promise<void> QueueService::give_work(WorkRequest work,
                                      Promise<void> noted,
                                      ClaimWorkContext context) {
  return wait_for_work(site_, work)
      .then([noted = kj::mv(noted)](WorkFound found) mutable {
        return noted.then([found = kj::mv(found)]() mutable { return kj::mv(found); });
      })
      .then([this, context, work = std::move(work)](WorkFound found) mutable -> Promise<void> {
        const bool over = found.claims().empty();
        const bool filled = !over && fill_work(site_, found.claims(), context.getResults());
        found.take();
        if (over || filled) return READY_NOW;
        // Every run was cancelled meanwhile: it waits for others. Not by its request id, which
        // those were remembered for.
        work.request_id.clear();
        return give_work(std::move(work), READY_NOW, context);
      });
}

Promise<void> QueueService::claimTask(ClaimTaskContext context) {
  const auto params = context.getParams();
  const std::string id = checked_id(params.getTaskId(), "taskId");
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, id);
  const WorkerKey worker{str(task.row().getTaskQueueId()),
                         str(params.getRequest().getWorkerGroup()),
                         str(params.getRequest().getWorkerId())};
  const auto [provisioner, worker_type] = halves(worker.task_queue_id);
  call_.authorize(api_values({{"provisionerId", provisioner},
                              {"workerType", worker_type},
                              {"workerGroup", worker.worker_group},
                              {"workerId", worker.worker_id}}));
  // What is past its deadline is nobody's to claim: the task says so itself.
  if (task.definition().getDeadline() > site_.now().ms)
    refuse_quarantined(site_, *snapshot, worker);
  const std::uint32_t run = params.getRunId();
  auto noted = note_queue(site_, worker.task_queue_id, claim_task_keeps);
  return ask_task(site_, id,
                  [&](schema::TaskMessage::Builder m) {
                    m.setTimed(true);
                    auto claim = m.initClaimByName();
                    claim.setRunId(run);
                    fill_name(worker, claim.initWorker());
                  })
      .then([noted = kj::mv(noted)](Bytes answer) mutable {
        return noted.then([answer = std::move(answer)]() mutable { return std::move(answer); });
      })
      .then([this, context, id, run](Bytes answer) mutable {
        const auto now = site_.host.snapshot();
        auto claimed = require_task(*now, id);
        Stored<schema::TaskStatus> status(answer);
        auto out = context.getResults();
        fill_claim(site_, status.get(), run, claimed.definition().getScopes(), out);
        claimed.fill_definition(out.initTask());
      });
}

Promise<void> QueueService::reclaimTask(ReclaimTaskContext context) {
  const std::string id = checked_id(context.getParams().getTaskId(), "taskId");
  const std::uint32_t run = context.getParams().getRunId();
  return ask_task(site_, id,
                  [run](schema::TaskMessage::Builder m) {
                    auto claim = m.initReclaim();
                    claim.setRunId(run);
                    claim.setByRun(true);
                  })
      .then([this, context, id, run](Bytes answer) mutable {
        const auto snapshot = site_.host.snapshot();
        auto task = require_task(*snapshot, id);
        Stored<schema::TaskStatus> stored(answer);
        const auto status = stored.get();
        fill_claim(site_, status, run, task.definition().getScopes(), context.getResults());
        log_claim("task_reclaimed", status, run);
        const auto held = status.getRuns()[run];
        return note_worker(site_, {str(status.getTaskQueueId()), str(held.getWorkerGroup()),
                                   str(held.getWorkerId())});
      });
}

template <class Context>
Promise<void> QueueService::report(Context context,
                                   schema::Outcome outcome,
                                   schema::ReasonResolved reason) {
  const std::uint32_t run = context.getParams().getRunId();
  return answer_status(context,
                       ask_task(site_, checked_id(context.getParams().getTaskId(), "taskId"),
                                [run, outcome, reason](schema::TaskMessage::Builder m) {
                                  auto resolve = m.initResolve();
                                  resolve.initClaim().setRunId(run);
                                  resolve.getClaim().setByRun(true);
                                  resolve.setOutcome(outcome);
                                  resolve.setReason(reason);
                                }));
}

Promise<void> QueueService::reportCompleted(ReportCompletedContext context) {
  const bool failed = says_failed(call_.http());
  return report(context, failed ? schema::Outcome::FAILED : schema::Outcome::COMPLETED,
                schema::ReasonResolved::NONE);
}

Promise<void> QueueService::reportFailed(ReportFailedContext context) {
  return report(context, schema::Outcome::FAILED, schema::ReasonResolved::NONE);
}

Promise<void> QueueService::reportException(ReportExceptionContext context) {
  return report(context, schema::Outcome::EXCEPTION,
                resolved_reason(context.getParams().getReport().getReason()));
}

}  // namespace troupe::server
