#include "apps/troupe/server/troupe_service.h"

#include "actors/auth/queries.h"
#include "actors/task/explain.h"
#include "actors/task/queries.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_group/queries.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "actors/worker/summary.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/server/artifact_bytes.h"
#include "apps/troupe/server/backup_service.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/creation.h"
#include "apps/troupe/server/dead_letters.h"
#include "apps/troupe/server/event_service.h"
#include "apps/troupe/server/monitor.h"
#include "apps/troupe/server/short_page.h"
#include "apps/troupe/server/task_search.h"
#include "apps/troupe/server/transfer.h"
#include "apps/troupe/server/worker_session.h"
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/transcode/json.h"
#include "runtime/transcode/limits.h"
#include "schema/api/queue.capnp.h"
#include "schema/store/auth.capnp.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <span>

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

constexpr unsigned create_tasks_max = 100;
constexpr unsigned check_tasks_max = 100'000;  // as many as a group file may have
constexpr std::size_t found_ids_max = 10;
constexpr std::size_t named_members_max = 3;  // looked at for a group's name
constexpr std::size_t tails_max = 1'000;
constexpr std::size_t tail_chars = 200;

std::uint64_t number_of(const Page& page) {
  return page.after.size() == 8 ? KeyReader(page.after).u64() : 0;
}

std::string number_token(std::uint64_t number) {
  return write_token(KeyWriter().u64(number).prefix());
}

// What the client ids of worker tokens begin with.
constexpr const char* worker_tokens = "troupe/worker/";

// The last word of a token's client id. A repeated request means the same client; its id is hashed,
// since client ids are shown to everybody and the request's opens the token.
std::string token_name(capnp::Text::Reader request_id) {
  if (request_id.size() == 0) return new_slugid();
  const Sha256 hash = sha256(checked_id(request_id, "requestId"));
  return to_base64url(std::span(hash).first(16));
}

ScopeTemplate parsed(const char* text) {
  return take(ScopeTemplate::parse(text));
}

// What a worker token may do, for who makes it; and what lets go of tasks that createTasks holds.
const ScopeTemplate& worker_token_needs() {
  static const ScopeTemplate needs =
      parsed(R"({"AllOf":["queue:claim-work:<pool>","queue:worker-id:*"]})");
  return needs;
}
const ScopeTemplate& release_needs() {
  static const ScopeTemplate needs = parsed("queue:scheduler-id:<schedulerId>");
  return needs;
}

// What createTask needs: creating many is creating each.
const ScopeTemplate& creation_template() {
  static const ScopeTemplate needs = [] {
    const auto queue = api::read_service(capnp::Schema::from<schema::Queue>());
    return *queue.find("createTask")->scopes;
  }();
  return needs;
}

class TroupeService final : public schema::Troupe::Server, public Monitor {
 public:
  TroupeService(Site& site, api::Call& call) : Monitor(site), site_(site), call_(call) {}

  Promise<void> checkTasks(CheckTasksContext context) override {
    if (context.getParams().getTasks().size() > check_tasks_max) {
      throw_error({Errc::invalid, "checkTasks takes at most 100,000 tasks a call"});
    }
    return check_tasks(site_, context.getParams())
        .then([context](std::vector<TaskFault>&& faults) mutable {
          const auto tasks = context.getParams().getTasks();
          auto out = context.getResults().initErrors(static_cast<unsigned>(faults.size()));
          for (unsigned i = 0; i < out.size(); ++i) {
            const TaskFault& fault = faults[i];
            out[i].setTaskId(tasks[fault.task].getTaskId());
            out[i].setCode(to_string(fault.code));
            out[i].setMessage(text(fault.message));
            out[i].setField(text("tasks[" + std::to_string(fault.task) + "]" +
                                 (fault.field.empty() ? "" : "." + fault.field)));
          }
        });
  }

  Promise<void> createTasks(CreateTasksContext context) override {
    const auto params = context.getParams();
    if (params.getTasks().size() > create_tasks_max) {
      throw_error({Errc::invalid, "createTasks takes at most 100 tasks a call"});
    }
    std::vector<CheckedTask> tasks;
    for (const auto task : params.getTasks()) {
      const auto require = [&task](const auto& outcome) {
        if (outcome.ok()) return;
        const Error& error = outcome.error();
        throw_error({error.code, "task " + str(task.getTaskId()) + ": " + error.detail});
      };
      require(check_size(task.getTask()));
      require(check_form(task));
      auto checked = check_task(site_, task.getTaskId(), task.getTask(), params.getHold());
      require(checked);
      call_.authorize(creation_template(), creation_scopes(task.getTask()));
      require(check_rules(checked.value()));
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
    if (const auto group = task_group::find_group(*site_.host.snapshot(), id)) {
      ScopeParameters values;
      call_.authorize(release_needs(), values.text("schedulerId", group->state.scheduler_id));
    }
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
    return serve_events(site_, call_, context);
  }
  Promise<void> subscribe(SubscribeContext context) override {
    return serve_subscriber(site_, call_, context);
  }

  Promise<void> readLog(ReadLogContext context) override {
    const auto params = context.getParams();
    return send_log(site_, checked_id(params.getTaskId(), "taskId"), params.getRunId(),
                    params.getOffset(), params.getFollow(), params.getSink(),
                    [this] { call_.caller().credentials(); })
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
    if (!client_id.starts_with(worker_tokens)) {
      throw_error({Errc::invalid, "\"" + client_id + "\" is no worker token: those begin with " +
                                      worker_tokens + " (troupe worker token list)"});
    }
    auto revoke = build<schema::ClientMessage>([this](schema::ClientMessage::Builder m) {
      m.setBy(text(caller()));
      m.setRevoke();
    });
    return ask(site_, ActorId{kinds::client, client_id}, std::move(revoke))
        .then([this, client_id](Bytes) {
          // Those who are in already are out at once.
          site_.recheck_workers(client_id);
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
    const auto page = checked_page(params);
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
    return settle_dead_letters(site_, caller(), context.getParams().getNumbers(),
                               LetterFate::retried);
  }
  Promise<void> discardDeadLetters(DiscardDeadLettersContext context) override {
    return settle_dead_letters(site_, caller(), context.getParams().getNumbers(),
                               LetterFate::discarded);
  }
  Promise<void> backup(BackupContext context) override {
    return serve_backup(site_, caller(), context);
  }

 private:
  const std::string& caller() { return call_.caller().credentials().client_id; }

  Site& site_;
  api::Call& call_;
};

Promise<void> TroupeService::listTasks(ListTasksContext context) {
  const auto params = context.getParams();
  const auto page = checked_page(params);
  if (params.getTaskQueueId().size() > 0) checked_queue(params.getTaskQueueId());
  if (params.getTaskGroupId().size() > 0) checked_id(params.getTaskGroupId(), "taskGroupId");
  const auto filter = take(read_filter(params));
  const auto snapshot = site_.host.snapshot();
  std::string next;
  auto tasks = short_page(
      page, next,
      [&](const Page& part, std::string& token) {
        auto found = search_tasks(*snapshot, filter, part.limit, number_of(part));
        if (found.next != 0) token = number_token(found.next);
        return std::move(found.tasks);
      },
      whole_bytes);
  auto results = context.getResults();
  auto out = results.initTasks(static_cast<unsigned>(tasks.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    tasks[i].fill_status(out[i].initStatus());
    tasks[i].fill_definition(out[i].initTask());
  }
  if (!next.empty()) results.setContinuationToken(text(next));
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
  const auto page = checked_page(params);
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
    scan_names(*snapshot, kind, prefix, "", [&](std::string_view key, std::uint64_t) {
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
                                                str(params.getName()), site_.now(),
                                                [this](const std::vector<std::string>& names) {
                                                  ScopeParameters values;
                                                  values.text("name", names.back());
                                                  call_.authorize(values);
                                                }));
  auto results = context.getResults();
  task::fill_artifact(info, results.initArtifact());
  results.setRunId(static_cast<std::uint32_t>(run));
  return send_artifact(site_, info, params.getOffset(), params.getSink())
      .then([context](BlobName sent) mutable {
        context.getResults().setSha256({sent.sha256.data(), sent.sha256.size()});
        context.getResults().setSize(sent.size);
      });
}

namespace {

// The one that is named, or a page of all.
std::vector<task_queue::QueueView> find_queues(const Snapshot& snapshot,
                                               schema::Troupe::ListQueuesParams::Reader params,
                                               std::string& next) {
  const auto page = checked_page(params);
  if (params.getTaskQueueId().size() == 0) return task_queue::list_queues(snapshot, page, next);
  std::vector<task_queue::QueueView> found;
  auto queue = task_queue::find_queue(snapshot, str(params.getTaskQueueId()));
  if (queue) found.push_back(std::move(*queue));
  return found;
}

// The one that is named, or a page of those of a queue, or of all.
std::vector<worker::WorkerState> find_workers(const Snapshot& snapshot,
                                              schema::Troupe::ListWorkersParams::Reader params,
                                              std::string& next) {
  const std::string queue = str(params.getTaskQueueId());
  const std::string group = str(params.getWorkerGroup());
  const std::string id = str(params.getWorkerId());
  const auto page = checked_page(params);
  if (group.empty() && id.empty()) return worker::list_workers(snapshot, queue, page, next);
  if (queue.empty() || group.empty() || id.empty()) {
    throw_error({Errc::invalid,
                 "one worker is named by all of taskQueueId, workerGroup and workerId; those of a "
                 "queue by taskQueueId alone"});
  }
  std::vector<worker::WorkerState> found;
  auto worker = worker::find_worker(snapshot, queue, group, id);
  if (worker) found.push_back(std::move(*worker));
  return found;
}

}  // namespace

Promise<void> TroupeService::listQueues(ListQueuesContext context) {
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto queues = find_queues(*snapshot, context.getParams(), next);
  auto out = context.getResults().initQueues(static_cast<unsigned>(queues.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto staff = worker::staffing(*snapshot, queues[i].task_queue_id, site_.now());
    out[i].setTaskQueueId(text(queues[i].task_queue_id));
    out[i].setPending(queues[i].pending);
    out[i].setClaimed(staff.claims);
    out[i].setWorkers(staff.connected);
    out[i].setCapacity(staff.capacity);
    out[i].setPaused(staff.paused);
    out[i].setPause(text(staff.pause));
  }
  if (!next.empty()) context.getResults().setContinuationToken(text(next));
  return READY_NOW;
}

// A page is filtered once it is cut: it may come out short, even empty, with more to follow.
Promise<void> TroupeService::listWorkers(ListWorkersContext context) {
  const auto snapshot = site_.host.snapshot();
  std::string next;
  auto workers = find_workers(*snapshot, context.getParams(), next);
  const Instant now = site_.now();
  std::erase_if(workers, [now](const auto& w) { return !worker::is_known(w, now); });
  auto out = context.getResults().initWorkers(static_cast<unsigned>(workers.size()));
  for (unsigned i = 0; i < out.size(); ++i) worker::fill_summary(workers[i], now, out[i]);
  if (!next.empty()) context.getResults().setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> TroupeService::createWorkerToken(CreateWorkerTokenContext context) {
  const auto params = context.getParams();
  const std::string pool = checked_queue(params.getPool());
  if (Instant{params.getExpires()} <= site_.now()) {
    throw_error({Errc::invalid, "the token would expire in the past"});
  }
  if (params.getExpires() > transcode::time_ms_max) {
    throw_error({Errc::invalid, "the token would expire after the year 9999"});
  }
  // Nobody hands on what he has not.
  ScopeParameters values;
  call_.authorize(worker_token_needs(), values.text("pool", pool));
  const std::string client_id = worker_tokens + pool + "/" + token_name(params.getRequestId());
  const std::string token = new_token();
  auto create = build<schema::ClientMessage>([&](schema::ClientMessage::Builder m) {
    m.setBy(text(caller()));
    auto fields = m.initCreateToken();
    fields.setPool(text(pool));
    fields.setAccessToken(data_of(site_.keys.seal(token, client_id)));
    fields.setExpires(params.getExpires());
  });
  return ask(site_, ActorId{kinds::client, client_id}, std::move(create))
      .then([this, context, client_id](Bytes answer) mutable {
        const auto sealed = data(Stored<schema::CreatedToken>(answer).get().getAccessToken());
        const auto kept = site_.keys.open(sealed, client_id);
        if (!kept)
          throw_error({Errc::corrupt, "token of " + client_id + ": " + kept.error().detail});
        auto results = context.getResults();
        results.setClientId(text(client_id));
        results.setAccessToken(text(std::string(kept.value().reveal())));
        results.setExpires(context.getParams().getExpires());
      });
}

Promise<void> TroupeService::listWorkerTokens(ListWorkerTokensContext context) {
  std::string next;
  const auto clients = auth::list_clients(*site_.host.snapshot(), worker_tokens,
                                          {std::numeric_limits<std::size_t>::max(), ""}, next);
  auto out = context.getResults().initTokens(static_cast<unsigned>(clients.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setClientId(text(clients[i].client_id));
    out[i].setPool(text(clients[i].pool));
    out[i].setCreated(clients[i].created.ms);
    out[i].setExpires(clients[i].expires.ms);
    out[i].setRevoked(clients[i].disabled);
  }
  return READY_NOW;
}

}  // namespace

kj::Own<capnp::Capability::Server> serve_troupe(Site& site, api::Call& call) {
  return kj::heap<TroupeService>(site, call);
}

}  // namespace troupe::server
