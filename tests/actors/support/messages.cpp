#include "tests/actors/support/messages.h"

#include "actors/task/definition.h"
#include "runtime/base/assert.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"
#include "schema/store/messages.capnp.h"

namespace troupe::test {
namespace {

using TaskBuilder = schema::TaskMessage::Builder;
using WorkerBuilder = schema::WorkerMessage::Builder;

template <class Fill>
Bytes to_task(Fill&& fill) {
  return build<schema::TaskMessage>(std::forward<Fill>(fill));
}

void fill_texts(capnp::List<capnp::Text>::Builder list, const std::vector<std::string>& values) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, text(values[i]));
}

std::vector<std::string> read_texts(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> values;
  for (const auto value : list) values.push_back(str(value));
  return values;
}

void fill_claim(schema::ClaimRef::Builder out, ClaimOf claim) {
  out.setRunId(claim.run);
  out.setToken(claim.by_run ? 0 : claim.token);
  out.setByRun(claim.by_run);
}

void fill_artifact(schema::ArtifactPut::Builder out, const Artifact& artifact) {
  out.setName(text(artifact.name));
  out.setStorageType(text(artifact.storage));
  out.setContentType("text/plain");
  out.setExpires(artifact.expires.ms);
  out.setLink(text(artifact.link));
}

// `worker` is `group/id`.
void fill_worker(schema::WorkerName::Builder out, const std::string& worker) {
  const auto slash = worker.find('/');
  out.setWorkerGroup(text(worker.substr(0, slash)));
  out.setWorkerId(text(worker.substr(slash + 1)));
}

void fill_all(capnp::List<schema::HeldClaim>::Builder list, const std::vector<Held>& held) {
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setTaskId(text(held[i].task_id));
    list[i].setRunId(held[i].run_id);
    list[i].setToken(held[i].token);
  }
}

std::vector<Held> read_all(capnp::List<schema::HeldClaim>::Reader list) {
  std::vector<Held> held;
  for (const auto claim : list) {
    held.push_back({str(claim.getTaskId()), claim.getRunId(), claim.getToken()});
  }
  return held;
}

Held read_one(schema::HeldClaim::Reader claim) {
  return {str(claim.getTaskId()), claim.getRunId(), claim.getToken()};
}

}  // namespace

void fill_definition(const std::string& id,
                     const NewTask& task,
                     schema::TaskDefinition::Builder d) {
  d.setTaskQueueId(text(task.queue));
  d.setSchedulerId(text(task.scheduler));
  if (!task.group.empty()) d.setTaskGroupId(text(task.group));
  fill_texts(d.initDependencies(static_cast<unsigned>(task.needs.size())), task.needs);
  d.setRequires(task.requirement);
  fill_texts(d.initRoutes(static_cast<unsigned>(task.routes.size())), task.routes);
  d.setPriority(task.priority);
  d.setRetries(task.retries);
  d.setCreated(task.created.ms);
  d.setDeadline(task.deadline.ms);
  d.setExpires(task.expires.ms);
  fill_texts(d.initScopes(static_cast<unsigned>(task.scopes.size())), task.scopes);
  d.setPayload(text(task.payload));
  d.setExtra(text(task.extra));
  d.initMetadata().setName(text(id));
  auto tags = d.initTags(static_cast<unsigned>(task.tags.size()));
  for (unsigned i = 0; i < tags.size(); ++i) {
    tags[i].setKey(text(task.tags[i].first));
    tags[i].setValue(text(task.tags[i].second));
  }
  TROUPE_EXPECTS(task::normalise(id, d).empty());
}

Bytes create_task(const std::string& id, const NewTask& task) {
  return to_task([&](TaskBuilder m) {
    auto create = m.initCreate();
    fill_definition(id, task, create.initDefinition());
    create.setHold(task.hold);
  });
}

Bytes schedule() {
  return to_task([](TaskBuilder m) { m.setSchedule(); });
}

Bytes rerun(const std::string& request_id) {
  return to_task([&request_id](TaskBuilder m) {
    m.setRerun();
    m.setRequestId(text(request_id));
  });
}

Bytes cancel() {
  return to_task([](TaskBuilder m) { m.setCancel(); });
}

Bytes reclaim(ClaimOf claim) {
  return to_task([claim](TaskBuilder m) { fill_claim(m.initReclaim(), claim); });
}

Bytes resolve(ClaimOf claim, Report report, const std::vector<Artifact>& artifacts) {
  return to_task([&](TaskBuilder m) {
    auto resolve = m.initResolve();
    fill_claim(resolve.initClaim(), claim);
    resolve.setOutcome(report.outcome);
    resolve.setReason(report.reason);
    auto list = resolve.initArtifacts(static_cast<unsigned>(artifacts.size()));
    for (unsigned i = 0; i < list.size(); ++i) fill_artifact(list[i], artifacts[i]);
  });
}

Bytes put_artifact(ClaimOf claim, const Artifact& artifact) {
  return to_task([&](TaskBuilder m) {
    auto put = m.initPutArtifact();
    fill_claim(put.initClaimRef(), claim);
    fill_artifact(put.initArtifact(), artifact);
  });
}

Bytes keep_log(std::uint32_t run, const std::vector<Artifact>& log) {
  return to_task([&](TaskBuilder m) {
    auto keep = m.initKeepLog();
    keep.setKeptRunId(run);
    auto list = keep.initKeptLog(static_cast<unsigned>(log.size()));
    for (unsigned i = 0; i < list.size(); ++i) fill_artifact(list[i], log[i]);
  });
}

Bytes claim_by_name(std::uint32_t run, const std::string& worker, std::uint64_t session) {
  return to_task([&](TaskBuilder m) {
    auto claim = m.initClaimByName();
    claim.setRunId(run);
    fill_worker(claim.initWorker(), worker);
    claim.setSession(session);
  });
}

Bytes claim_over_http(std::uint32_t run, const std::string& worker) {
  return to_task([&](TaskBuilder m) {
    auto claim = m.initClaimByName();
    claim.setRunId(run);
    fill_worker(claim.initWorker(), worker);
    m.setTimed(true);
  });
}

Bytes expire_claim(ClaimOf claim) {
  return to_task([claim](TaskBuilder m) { fill_claim(m.initExpireClaim(), claim); });
}

Bytes change_priority(Priority to) {
  return to_task([to](TaskBuilder m) { m.setChangePriority(to); });
}

Bytes cancel_group() {
  return build<schema::TaskGroupMessage>([](auto m) { m.setCancel(); });
}

Bytes change_group_priority(Priority to) {
  return build<schema::TaskGroupMessage>([to](auto m) { m.setChangePriority(to); });
}

Bytes seal() {
  return build<schema::TaskGroupMessage>([](auto m) { m.setSeal(); });
}

Bytes release() {
  return build<schema::TaskGroupMessage>([](auto m) { m.setRelease(); });
}

Bytes await(const Slots& slots) {
  return build<schema::TaskQueueMessage>([&](schema::TaskQueueMessage::Builder m) {
    auto await = m.initAwait();
    fill_worker(await.initWorker(), slots.worker);
    await.setSession(slots.session);
    await.setSlots(slots.count);
  });
}

Bytes leave(std::uint64_t session) {
  return build<schema::TaskQueueMessage>([session](auto m) { m.setLeave(session); });
}

Bytes connect(const Connection& connection) {
  return build<schema::WorkerMessage>([&](WorkerBuilder m) {
    auto connect = m.initConnect();
    connect.setSession(connection.session);
    auto info = connect.initInfo();
    const auto slash = connection.worker.find('/');
    info.setTaskQueueId(text(connection.queue));
    info.setWorkerGroup(text(connection.worker.substr(0, slash)));
    info.setWorkerId(text(connection.worker.substr(slash + 1)));
    info.setCapacity(1);
    info.setProcess(connection.process);
    fill_all(connect.initHeld(static_cast<unsigned>(connection.held.size())), connection.held);
  });
}

Bytes disconnect(std::uint64_t session) {
  return build<schema::WorkerMessage>([session](WorkerBuilder m) { m.setDisconnect(session); });
}

Bytes farewell(std::uint64_t session) {
  return build<schema::WorkerMessage>([session](WorkerBuilder m) { m.setFarewell(session); });
}

Bytes restarted() {
  return build<schema::WorkerMessage>([](WorkerBuilder m) { m.setRestarted(); });
}

Bytes tell_lost(const std::vector<Held>& claims) {
  return build<schema::WorkerMessage>([&](WorkerBuilder m) {
    fill_all(m.initTellLost(static_cast<unsigned>(claims.size())), claims);
  });
}

Bytes paused(std::uint64_t session, const std::string& why) {
  return build<schema::WorkerMessage>([&](schema::WorkerMessage::Builder m) {
    auto paused = m.initPaused();
    paused.setPausedSession(session);
    paused.setPause(text(why));
  });
}

Bytes create_token(const std::string& pool, const std::string& access_token, Instant expires) {
  return build<schema::ClientMessage>([&](schema::ClientMessage::Builder m) {
    auto token = m.initCreateToken();
    token.setPool(text(pool));
    token.setAccessToken(
        {reinterpret_cast<const kj::byte*>(access_token.data()), access_token.size()});
    token.setExpires(expires.ms);
  });
}

Bytes revoke() {
  return build<schema::ClientMessage>([](auto m) { m.setRevoke(); });
}

State state_in(const Bytes& answer) {
  Stored<schema::TaskStatus> status(answer);
  return status.get().getState();
}

Swept cancelled_in(const Bytes& answer) {
  Stored<schema::CancelledTaskGroup> stored(answer);
  return {stored.get().getCancelledCount(), read_texts(stored.get().getTaskIds())};
}

Swept reprioritised_in(const Bytes& answer) {
  Stored<schema::TaskGroupPriority> stored(answer);
  return {stored.get().getTasksAffected(), read_texts(stored.get().getTaskIds())};
}

Push read_push(const Bytes& body) {
  using P = schema::WorkerPush;
  Stored<P> stored(body);
  const auto push = stored.get();
  switch (push.which()) {
    case P::CONNECTED: {
      const auto c = push.getConnected();
      return {"connected", read_all(c.getKept()), read_all(c.getLost()), read_all(c.getMissed())};
    }
    case P::CLAIMED: return {"claimed", {read_one(push.getClaimed())}, {}, {}};
    case P::REVOKED: return {"revoked", {read_one(push.getRevoked())}, {}, {}};
    case P::REPLACED: return {"replaced", {}, {}, {}};
  }
  return {};
}

}  // namespace troupe::test
