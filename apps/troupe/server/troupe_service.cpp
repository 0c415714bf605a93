#include "apps/troupe/server/troupe_service.h"

#include "actors/auth/client_actor.h"
#include "actors/task/explain.h"
#include "actors/task/queries.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_group/queries.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/server/backup_service.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/creation.h"
#include "apps/troupe/server/dead_letters.h"
#include "apps/troupe/server/event_log.h"
#include "apps/troupe/server/transfer.h"
#include "apps/troupe/server/worker_session.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/base/secret_box.h"
#include "runtime/transcode/json.h"

#include <unistd.h>

#include <algorithm>
#include <span>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr unsigned create_tasks_max = 100;
constexpr std::size_t found_ids_max = 10;
constexpr std::size_t named_members_max = 3;  // looked at for a group's name
constexpr std::size_t tails_max = 1'000;
constexpr std::size_t tail_chars = 200;
constexpr std::uint32_t wait_seconds_max = 60;

std::uint64_t number_of(const Page& page) {
  return page.after.size() == 8 ? KeyReader(page.after).u64() : 0;
}

std::string number_token(std::uint64_t number) {
  return write_token(KeyWriter().u64(number).prefix());
}

// The last word of a token's client id. A repeated request means the same client; its id is hashed,
// since client ids are shown to everybody and the request's opens the token.
std::string token_name(capnp::Text::Reader request_id) {
  if (request_id.size() == 0) return new_slugid();
  const Sha256 hash = sha256(checked_id(request_id, "requestId"));
  return to_base64url(std::span(hash).first(16));
}

class TroupeService final : public schema::Troupe::Server {
 public:
  TroupeService(Site& site, std::string caller) : site_(site), caller_(std::move(caller)) {}

  Promise<void> checkTasks(CheckTasksContext context) override {
    const auto tasks = context.getParams().getTasks();
    const auto faults = check_tasks(site_, tasks);
    auto out = context.getResults().initErrors(static_cast<unsigned>(faults.size()));
    for (unsigned i = 0; i < out.size(); ++i) {
      const TaskFault& fault = faults[i];
      out[i].setTaskId(tasks[fault.task].getTaskId());
      out[i].setCode(to_string(fault.code));
      out[i].setMessage(text(fault.message));
      out[i].setField(text("tasks[" + std::to_string(fault.task) + "]" +
                           (fault.field.empty() ? "" : "." + fault.field)));
    }
    return READY_NOW;
  }

  Promise<void> createTasks(CreateTasksContext context) override {
    const auto params = context.getParams();
    if (params.getTasks().size() > create_tasks_max) {
      throw_error({Errc::invalid, "createTasks takes at most 100 tasks a call"});
    }
    std::vector<CheckedTask> tasks;
    for (const auto task : params.getTasks()) {
      auto checked = check_task(site_, task.getTaskId(), task.getTask(), params.getHold());
      if (!checked.ok()) {
        throw_error({checked.error().code,
                     "task " + str(task.getTaskId()) + ": " + checked.error().detail});
      }
      tasks.push_back(std::move(checked).value());
    }
    return create_tasks(site_, std::move(tasks))
        .then([context](std::vector<Bytes> statuses) mutable {
          auto out = context.getResults().initStatuses(static_cast<unsigned>(statuses.size()));
          for (unsigned i = 0; i < out.size(); ++i) {
            out.setWithCaveats(i, Stored<schema::TaskStatus>(statuses[i]).get());
          }
        });
  }

  Promise<void> releaseTasks(ReleaseTasksContext context) override {
    auto id = checked_id(context.getParams().getTaskGroupId(), "taskGroupId");
    auto release = build<schema::TaskGroupMessage>(
        [](schema::TaskGroupMessage::Builder m) { m.setRelease(); });
    return ask(site_, task_group_id(std::move(id)), std::move(release))
        .then([context](Bytes answer) mutable {
          context.getResults().setReleased(Stored<schema::Released>(answer).get().getCount());
        });
  }

  Promise<void> explain(ExplainContext context) override {
    const auto snapshot = site_.host.snapshot();
    take(task::explain(*snapshot, str(context.getParams().getSubject()), site_.now(),
                       context.getResults().initExplanation()));
    return READY_NOW;
  }

  Promise<void> listTasks(ListTasksContext context) override;
  Promise<void> listTaskGroups(ListTaskGroupsContext context) override;
  Promise<void> findIds(FindIdsContext context) override;

  Promise<void> events(EventsContext context) override {
    const auto params = context.getParams();
    EventPosition after(site_.host.shards(), 0);
    if (view(params.getAfter()) == "now") {
      after = site_.host.last_events();
    } else if (params.getAfter().size() > 0) {
      after = take(read_position(view(params.getAfter()), site_.host.shards()));
      take(check_not_ahead(site_.host, after));
    }
    const auto wait = std::min(params.getWait(), wait_seconds_max);
    const auto until = site_.timer.now() + wait * kj::SECONDS;
    return continue_events(context, after, until);
  }

  Promise<void> readLog(ReadLogContext context) override {
    const auto params = context.getParams();
    return send_log(site_, checked_id(params.getTaskId(), "taskId"), params.getRunId(),
                    params.getOffset(), params.getFollow(), params.getSink())
        .then([context](LogEnd end) mutable {
          context.getResults().setSize(end.size);
          context.getResults().setFinished(end.finished);
        });
  }

  Promise<void> tails(TailsContext context) override;
  Promise<void> readArtifact(ReadArtifactContext context) override;
  Promise<void> listQueues(ListQueuesContext context) override;
  Promise<void> listWorkers(ListWorkersContext context) override;
  Promise<void> createWorkerToken(CreateWorkerTokenContext context) override;
  Promise<void> listWorkerTokens(ListWorkerTokensContext context) override;

  Promise<void> revokeWorkerToken(RevokeWorkerTokenContext context) override {
    const std::string client_id = str(context.getParams().getClientId());
    auto revoke =
        build<schema::ClientMessage>([](schema::ClientMessage::Builder m) { m.setRevoke(); });
    return ask(site_, ActorId{kinds::client, client_id}, std::move(revoke))
        .then([this, client_id](Bytes) {
          // Those who are in already are out at once.
          const auto [first, last] = site_.sessions.equal_range(client_id);
          for (auto entry = first; entry != last; ++entry) entry->second->revoke();
        });
  }

  Promise<void> serverInfo(ServerInfoContext context) override {
    auto results = context.getResults();
    results.setVersion(TROUPE_VERSION);
    results.setRootUrl(text(site_.root_url));
    results.setStarted(site_.started.ms);
    results.setPid(static_cast<std::uint64_t>(getpid()));
    return READY_NOW;
  }

  Promise<void> listDeadLetters(ListDeadLettersContext context) override {
    const auto params = context.getParams();
    const auto page = read_page(params.getLimit(), view(params.getContinuationToken()));
    const auto last = list_dead_letters(*site_.host.snapshot(), number_of(page), page.limit,
                                        context.getResults());
    if (last != 0) context.getResults().setContinuationToken(text(number_token(last)));
    return READY_NOW;
  }
  Promise<void> showDeadLetter(ShowDeadLetterContext context) override {
    show_dead_letter(*site_.host.snapshot(), context.getParams().getNumber(), context.getResults());
    return READY_NOW;
  }
  Promise<void> retryDeadLetters(RetryDeadLettersContext context) override {
    return settle_dead_letters(site_, caller_, context.getParams().getNumbers(),
                               LetterFate::retried);
  }
  Promise<void> discardDeadLetters(DiscardDeadLettersContext context) override {
    return settle_dead_letters(site_, caller_, context.getParams().getNumbers(),
                               LetterFate::discarded);
  }
  Promise<void> backup(BackupContext context) override {
    return serve_backup(site_, caller_, context);
  }

 private:
  Promise<void> continue_events(EventsContext context, EventPosition after, kj::TimePoint until);

  Site& site_;
  const std::string caller_;  // client id
};

namespace {

bool is_behind(const EventPosition& read, const EventPosition& newest) {
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (read[i] < newest[i]) return true;
  }
  return false;
}

}  // namespace

Promise<void> TroupeService::continue_events(EventsContext context,
                                             EventPosition after,
                                             kj::TimePoint until) {
  const auto params = context.getParams();
  const std::size_t limit = std::clamp(params.getLimit(), 1U, 1000U);
  const auto newest = site_.host.last_events();
  const EventFilter filter{str(params.getExchange()), str(params.getRoutingKey())};
  const auto page = read_events(site_.host, std::move(after), limit, filter);
  const bool over = site_.timer.now() >= until;
  if (page.events.empty() && is_behind(page.last, newest) && !over) {
    return kj::evalLater([this, context, last = page.last, until]() mutable {
      return continue_events(context, last, until);
    });
  }
  if (page.events.empty() && !over) {
    return site_.edge.wait_for_event(newest)
        .exclusiveJoin(site_.timer.atTime(until))
        .then([this, context, last = page.last, until]() mutable {
          return continue_events(context, last, until);
        });
  }
  auto results = context.getResults();
  auto out = results.initEvents(static_cast<unsigned>(page.events.size()));
  for (unsigned i = 0; i < out.size(); ++i) fill_event(page.events[i], out[i]);
  results.setNext(text(write_position(page.last)));
  return READY_NOW;
}

Promise<void> TroupeService::listTasks(ListTasksContext context) {
  const auto params = context.getParams();
  const auto page = read_page(params.getLimit(), view(params.getContinuationToken()));
  const std::string wanted = str(params.getState());
  const std::string queue = str(params.getTaskQueueId());
  if (!wanted.empty() && !enum_from_name<schema::TaskState>(wanted)) {
    throw_error({Errc::invalid, "no state \"" + wanted +
                                    "\": unscheduled, pending, running, "
                                    "completed, failed or exception"});
  }
  const auto snapshot = site_.host.snapshot();
  std::vector<task::TaskView> tasks;
  std::uint64_t next = 0;
  task::scan_newest(*snapshot, number_of(page), [&](task::TaskView& task) {
    if (!wanted.empty() && enum_name(task.state()) != wanted) return true;
    if (!queue.empty() && view(task.row().getTaskQueueId()) != queue) return true;
    if (tasks.size() == page.limit) {
      next = tasks.back().number();
      return false;
    }
    tasks.push_back(std::move(task));
    return true;
  });
  auto results = context.getResults();
  auto out = results.initTasks(static_cast<unsigned>(tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i) {
    tasks[i].fill_status(out[i].initStatus());
    tasks[i].fill_definition(out[i].initTask());
  }
  if (next != 0) results.setContinuationToken(text(number_token(next)));
  return READY_NOW;
}

namespace {

// What a group is called in lists: as its first task; where that only brings files along, which is
// called alike in every group, as another.
std::string display_name(const Snapshot& snapshot, const task_group::GroupView& group) {
  if (group.state.name != group_file::upload_name) return group.state.name;
  std::string next;
  for (const auto& id :
       task_group::list_members(snapshot, group, Page{named_members_max, ""}, next)) {
    auto task = task::find_task(snapshot, id);
    if (!task || view(task->row().getTaskQueueId()) == group_file::upload_queue) continue;
    return str(task->row().getName());
  }
  return group.state.name;
}

}  // namespace

Promise<void> TroupeService::listTaskGroups(ListTaskGroupsContext context) {
  const auto params = context.getParams();
  const auto page = read_page(params.getLimit(), view(params.getContinuationToken()));
  const auto snapshot = site_.host.snapshot();
  std::vector<task_group::GroupView> groups;
  bool more = false;
  task_group::scan_newest(*snapshot, number_of(page), [&](const task_group::GroupView& group) {
    more = groups.size() == page.limit;
    if (!more) groups.push_back(group);
    return !more;
  });
  auto results = context.getResults();
  auto out = results.initGroups(static_cast<unsigned>(groups.size()));
  for (unsigned i = 0; i < groups.size(); ++i) {
    task_group::fill_group(groups[i].state, out[i].initGroup());
    out[i].setTasks(groups[i].state.members);
    out[i].setUnresolved(groups[i].state.never_resolved);
    out[i].setCreated(groups[i].state.created.ms);
    out[i].setName(text(display_name(*snapshot, groups[i])));
  }
  if (more) results.setContinuationToken(text(number_token(groups.back().number)));
  return READY_NOW;
}

Promise<void> TroupeService::findIds(FindIdsContext context) {
  const std::string prefix = str(context.getParams().getPrefix());
  if (prefix.size() < 4) {
    throw_error({Errc::invalid, "give at least 4 characters of an id, not \"" + prefix + "\""});
  }
  const auto snapshot = site_.host.snapshot();
  const auto find = [&](KindId kind) {
    std::vector<std::string> ids;
    scan_names(*snapshot, kind, prefix, [&](std::string_view key, std::uint64_t) {
      ids.emplace_back(key);
      return ids.size() < found_ids_max;
    });
    return ids;
  };
  const auto fill = [](auto list, const std::vector<std::string>& ids) {
    for (unsigned i = 0; i < ids.size(); ++i) list.set(i, text(ids[i]));
  };
  const auto tasks = find(kinds::task);
  const auto groups = find(kinds::task_group);
  auto results = context.getResults();
  fill(results.initTaskIds(static_cast<unsigned>(tasks.size())), tasks);
  fill(results.initTaskGroupIds(static_cast<unsigned>(groups.size())), groups);
  return READY_NOW;
}

Promise<void> TroupeService::tails(TailsContext context) {
  struct Found {
    std::string id;
    std::uint32_t run;
    std::string line;
    std::uint64_t bytes;
  };
  std::vector<Found> found;
  const auto snapshot = site_.host.snapshot();
  for (const auto id : context.getParams().getTaskIds()) {
    if (found.size() == tails_max) break;
    auto task = task::find_task(*snapshot, str(id));
    if (!task || task->row().getRuns().size() == 0) continue;
    const auto run = task->row().getRuns().size() - 1;
    const std::string key = log_key(str(id), run);
    const auto size = site_.logs.size(key);
    if (!size.ok() || size.value() == 0) continue;
    found.push_back({str(id), run, take(site_.logs.last_line(key, tail_chars)), size.value()});
  }
  auto out = context.getResults().initTails(static_cast<unsigned>(found.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setTaskId(text(found[i].id));
    out[i].setRunId(found[i].run);
    out[i].setLine(text(found[i].line));
    out[i].setBytes(found[i].bytes);
  }
  return READY_NOW;
}

Promise<void> TroupeService::readArtifact(ReadArtifactContext context) {
  const auto params = context.getParams();
  const std::string id = checked_id(params.getTaskId(), "taskId");
  const auto snapshot = site_.host.snapshot();
  auto task = task::find_task(*snapshot, id);
  if (!task) throw_error({Errc::not_found, "no task " + id});
  const auto runs = task->row().getRuns().size();
  const std::int64_t run = params.getRunId() < 0 ? std::int64_t{runs} - 1 : params.getRunId();
  if (run < 0 || run >= runs) throw_error({Errc::not_found, "task " + id + " has no such run"});
  const auto info = take(task::resolve_artifact(*snapshot, *task, static_cast<std::uint32_t>(run),
                                                str(params.getName()), site_.now()));
  auto results = context.getResults();
  task::fill_artifact(info, results.initArtifact());
  results.setSha256(data_of(info.sha256));
  results.setSize(info.size);
  results.setRunId(static_cast<std::uint32_t>(run));
  if (info.storage_type == "error") {
    throw_error({Errc::not_found,
                 "artifact " + info.name + " was not made: " + info.reason + ": " + info.message});
  }
  Sha256 hash{};
  std::copy(info.sha256.begin(), info.sha256.end(), hash.begin());
  return send_blob(site_, hash, params.getOffset(), params.getSink());
}

Promise<void> TroupeService::listQueues(ListQueuesContext context) {
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto queues = task_queue::list_queues(*snapshot, Page{}, next);
  auto out = context.getResults().initQueues(static_cast<unsigned>(queues.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto staff = worker::staffing(*snapshot, queues[i].task_queue_id);
    out[i].setTaskQueueId(text(queues[i].task_queue_id));
    out[i].setPending(queues[i].pending);
    out[i].setClaimed(staff.claims);
    out[i].setWorkers(staff.connected);
    out[i].setCapacity(staff.capacity);
    out[i].setPaused(staff.paused);
    out[i].setPause(text(staff.pause));
  }
  return READY_NOW;
}

Promise<void> TroupeService::listWorkers(ListWorkersContext context) {
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto workers =
      worker::list_workers(*snapshot, str(context.getParams().getTaskQueueId()), Page{}, next);
  auto out = context.getResults().initWorkers(static_cast<unsigned>(workers.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto& worker = workers[i];
    out[i].setTaskQueueId(text(worker.task_queue_id));
    out[i].setWorkerGroup(text(worker.worker_group));
    out[i].setWorkerId(text(worker.worker_id));
    out[i].setConnected(worker.session != 0);
    out[i].setCapacity(worker.capacity);
    out[i].setLastDateActive(worker.last_active.ms);
    out[i].setHost(text(worker.host));
    out[i].setVersion(text(worker.version));
    out[i].setPause(text(worker.pause));
    auto claims = out[i].initClaims(static_cast<unsigned>(worker.claims.size()));
    unsigned next_claim = 0;
    for (const auto& [run, token] : worker.claims) {
      claims[next_claim].setTaskId(text(run.task_id));
      claims[next_claim++].setRunId(run.run_id);
    }
  }
  return READY_NOW;
}

Promise<void> TroupeService::createWorkerToken(CreateWorkerTokenContext context) {
  const auto params = context.getParams();
  const std::string pool = checked_queue(params.getPool());
  if (Instant{params.getExpires()} <= site_.now()) {
    throw_error({Errc::invalid, "the token would expire in the past"});
  }
  const std::string client_id = "troupe/worker/" + pool + "/" + token_name(params.getRequestId());
  const std::string token = new_token();
  auto create = build<schema::ClientMessage>([&](schema::ClientMessage::Builder m) {
    auto fields = m.initCreateToken();
    fields.setPool(text(pool));
    fields.setAccessToken(data_of(seal_secret(site_.encryption_key, client_id, token)));
    fields.setExpires(params.getExpires());
  });
  return ask(site_, ActorId{kinds::client, client_id}, std::move(create))
      .then([this, context, client_id](Bytes answer) mutable {
        const auto sealed = data(Stored<schema::CreatedToken>(answer).get().getAccessToken());
        const auto kept = open_secret(site_.encryption_key, client_id, sealed);
        if (!kept) throw_error({Errc::corrupt, "the token of " + client_id + " cannot be read"});
        auto results = context.getResults();
        results.setClientId(text(client_id));
        results.setAccessToken(text(*kept));
        results.setExpires(context.getParams().getExpires());
      });
}

Promise<void> TroupeService::listWorkerTokens(ListWorkerTokensContext context) {
  const auto clients = auth::list_clients(*site_.host.snapshot());
  auto out = context.getResults().initTokens(static_cast<unsigned>(clients.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setClientId(text(clients[i].client_id));
    out[i].setPool(text(clients[i].pool));
    out[i].setCreated(clients[i].created.ms);
    out[i].setExpires(clients[i].expires.ms);
    out[i].setRevoked(clients[i].revoked);
  }
  return READY_NOW;
}

}  // namespace

schema::Troupe::Client make_troupe_service(Site& site, std::string caller) {
  return kj::heap<TroupeService>(site, std::move(caller));
}

}  // namespace troupe::server
