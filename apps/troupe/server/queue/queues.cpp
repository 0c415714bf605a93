// Task queues: their records, under the names of provisioners and worker types too, what waits in
// them and what their workers hold. Source: spec/queue.md, sections 10 and 11.
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/short_page.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::server {

using kj::Promise;
using kj::READY_NOW;

namespace {

using task_queue::QueueView;

// Visits the queues that are seen at `now`, from the first whose id begins with `prefix` and comes
// after `after`, until the visitor says false.
template <class Visit>
void visit_queues(const Snapshot& snapshot,
                  const std::string& prefix,
                  const std::string& after,
                  Instant now,
                  Visit&& visit) {
  scan_names(snapshot, kinds::task_queue, prefix, after, [&](std::string_view key, std::uint64_t) {
    const auto queue = task_queue::find_queue(snapshot, std::string(key));
    return !queue || !queue->has_record(now) || visit(*queue);
  });
}

// A page of them. If there are more, `next` becomes the token of the page that follows.
std::vector<QueueView> page_of_queues(const Snapshot& snapshot,
                                      const std::string& prefix,
                                      const Page& page,
                                      Instant now,
                                      std::string& next) {
  std::vector<QueueView> found;
  if (page.limit == 0) return found;
  visit_queues(snapshot, prefix, page.after, now, [&](const QueueView& queue) {
    if (found.size() == page.limit) {
      next = write_token(found.back().task_queue_id);
      return false;
    }
    found.push_back(queue);
    return true;
  });
  return found;
}

QueueView require_queue(const Snapshot& snapshot, const std::string& id, Instant now) {
  auto queue = task_queue::find_queue(snapshot, id);
  if (!queue || !queue->has_record(now)) {
    throw_error({Errc::not_found, "no worker has asked task queue " + id + " of late"});
  }
  return std::move(*queue);
}

/// What task queues, worker types and provisioners have alike.
template <class Out>
void fill_record(Instant expires, Instant last_active, Out out) {
  out.setStability("experimental");
  out.setDescription("");
  out.setExpires(expires.ms);
  out.setLastDateActive(last_active.ms);
}

template <class Out>
void fill_names(const std::string& id, Out out) {
  const auto [provisioner, worker_type] = halves(id);
  out.setProvisionerId(text(provisioner));
  out.setWorkerType(text(worker_type));
  out.setTaskQueueId(text(id));
}

void fill_queue(const QueueView& queue, schema::TaskQueue::Builder out) {
  out.setTaskQueueId(text(queue.task_queue_id));
  fill_record(queue.expires, queue.last_active, out);
}

void fill_worker_type(const QueueView& queue, schema::WorkerType::Builder out) {
  fill_names(queue.task_queue_id, out);
  fill_record(queue.expires, queue.last_active, out);
}

// What the queues of one provisioner amount to.
struct ProvisionerView {
  Instant expires;
  Instant last_active;

  void add(const QueueView& queue) {
    expires = std::max(expires, queue.expires);
    last_active = std::max(last_active, queue.last_active);
  }
};

std::optional<ProvisionerView> find_provisioner(const Snapshot& snapshot,
                                                const std::string& id,
                                                Instant now) {
  std::optional<ProvisionerView> found;
  visit_queues(snapshot, id + "/", "", now, [&found](const QueueView& queue) {
    if (!found) found.emplace();
    found->add(queue);
    return true;
  });
  return found;
}

// The first behind `after` in the order of names. In that of queues `a-b/x` comes before `a/x`, so
// what `a-b` begins with may be the one.
std::optional<std::string> next_provisioner(const Snapshot& snapshot,
                                            const std::string& after,
                                            Instant now) {
  std::optional<std::string> found;
  const std::string from = after.empty() ? "" : after + "-";
  visit_queues(snapshot, "", from, now, [&](const QueueView& queue) {
    std::string id = halves(queue.task_queue_id).first;
    if (id <= after) return true;
    found = std::move(id);
    return false;
  });
  if (!found) return found;
  for (auto dash = found->find('-'); dash != std::string::npos; dash = found->find('-', dash + 1)) {
    std::string shorter = found->substr(0, dash);
    if (shorter > after && find_provisioner(snapshot, shorter, now)) return shorter;
  }
  return found;
}

// A page of them, in the order of names. If there are more, `next` becomes the token of the page
// that follows.
std::vector<std::pair<std::string, ProvisionerView>> page_of_provisioners(const Snapshot& snapshot,
                                                                          const Page& page,
                                                                          Instant now,
                                                                          std::string& next) {
  std::vector<std::pair<std::string, ProvisionerView>> found;
  if (page.limit == 0) return found;
  auto id = next_provisioner(snapshot, page.after, now);
  while (id && found.size() < page.limit) {
    found.emplace_back(*id, *find_provisioner(snapshot, *id, now));
    id = next_provisioner(snapshot, *id, now);
  }
  if (id) next = write_token(found.back().first);
  return found;
}

void fill_provisioner(const std::string& id,
                      const ProvisionerView& provisioner,
                      schema::Provisioner::Builder out) {
  out.setProvisionerId(text(id));
  fill_record(provisioner.expires, provisioner.last_active, out);
}

// A run that a worker holds, in the order of the list.
struct Claimed {
  std::int64_t claimed_ms = 0;
  std::string task_id;
  std::uint32_t run_id = 0;
  std::string worker_group;
  std::string worker_id;
  auto operator<=>(const Claimed&) const = default;
};

std::string place_of(const Claimed& claim) {
  return std::to_string(claim.claimed_ms) + "/" + claim.task_id;
}

// The place that a token names; the beginning if it names none.
Claimed read_place(std::string_view place) {
  Claimed after;
  const auto slash = std::min(place.find('/'), place.size());
  const auto [end, error] = std::from_chars(place.data(), place.data() + slash, after.claimed_ms);
  if (error != std::errc() || end != place.data() + slash || slash == place.size()) return {};
  after.task_id = place.substr(slash + 1);
  after.run_id = std::numeric_limits<std::uint32_t>::max();
  return after;
}

// A run that a worker holds, if its claim lasts.
std::optional<Claimed> find_claimed(const Snapshot& snapshot,
                                    const std::string& worker,
                                    schema::WorkerClaimRow::Reader claim,
                                    Instant now) {
  auto task = task::find_task(snapshot, str(claim.getTaskId()));
  if (!task || claim.getRunId() >= task->row().getRuns().size()) return std::nullopt;
  const auto held = task->row().getRuns()[claim.getRunId()];
  const bool lives =
      held.getToken() == claim.getToken() && held.getState() == schema::TaskState::RUNNING;
  if (!lives || Instant{held.getTakenUntil()} <= now) return std::nullopt;
  // A row of a version that did not write it down yet has when the claim was made.
  const std::int64_t claimed = held.getClaimed() != 0 ? held.getClaimed() : held.getStarted();
  auto [group, id] = halves(worker);
  return Claimed{claimed, str(claim.getTaskId()), claim.getRunId(), std::move(group),
                 std::move(id)};
}

// A page of them. If there are more, `next` becomes the token of the page that follows. Each claim
// is looked at, as no table has their order; no more are kept than go into the page.
std::vector<Claimed> page_of_claims(const Snapshot& snapshot,
                                    const std::string& queue_id,
                                    Instant now,
                                    const Page& page,
                                    std::string& next) {
  if (page.limit == 0) return {};
  const Claimed after = read_place(page.after);
  std::set<Claimed> found;  // one more than go into it
  worker::visit_claims(snapshot, queue_id, [&](const std::string& worker, const auto& claim) {
    auto one = find_claimed(snapshot, worker, claim, now);
    if (one && *one > after) found.insert(std::move(*one));
    if (found.size() > page.limit + 1) found.erase(std::prev(found.end()));
    return true;
  });
  if (found.size() > page.limit) {
    found.erase(std::prev(found.end()));
    next = write_token(place_of(*found.rbegin()));
  }
  return {found.begin(), found.end()};
}

std::size_t definition_bytes(const Snapshot& snapshot, const std::string& task_id) {
  const auto task = task::find_task(snapshot, task_id);
  return task ? task->definition_bytes() : 0;
}

}  // namespace

Promise<void> QueueService::listTaskQueues(ListTaskQueuesContext context) {
  const auto params = context.getParams();
  const auto page = checked_page(params);
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto queues = page_of_queues(*snapshot, "", page, site_.now(), next);
  auto results = context.getResults();
  auto out = results.initTaskQueues(static_cast<unsigned>(queues.size()));
  for (unsigned i = 0; i < out.size(); ++i) fill_queue(queues[i], out[i]);
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::getTaskQueue(GetTaskQueueContext context) {
  const auto snapshot = site_.host.snapshot();
  const std::string id = checked_queue(context.getParams().getTaskQueueId());
  fill_queue(require_queue(*snapshot, id, site_.now()), context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::listWorkerTypes(ListWorkerTypesContext context) {
  const auto params = context.getParams();
  const auto page = checked_page(params);
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto queues =
      page_of_queues(*snapshot, str(params.getProvisionerId()) + "/", page, site_.now(), next);
  auto results = context.getResults();
  auto out = results.initWorkerTypes(static_cast<unsigned>(queues.size()));
  for (unsigned i = 0; i < out.size(); ++i) fill_worker_type(queues[i], out[i]);
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::getWorkerType(GetWorkerTypeContext context) {
  const auto params = context.getParams();
  const auto snapshot = site_.host.snapshot();
  const std::string id = str(params.getProvisionerId()) + "/" + str(params.getWorkerType());
  fill_worker_type(require_queue(*snapshot, id, site_.now()), context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::listProvisioners(ListProvisionersContext context) {
  const auto params = context.getParams();
  const auto page = checked_page(params);
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto found = page_of_provisioners(*snapshot, page, site_.now(), next);
  auto results = context.getResults();
  auto out = results.initProvisioners(static_cast<unsigned>(found.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto& [id, provisioner] = found[i];
    fill_provisioner(id, provisioner, out[i]);
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::getProvisioner(GetProvisionerContext context) {
  const std::string id = str(context.getParams().getProvisionerId());
  const auto snapshot = site_.host.snapshot();
  const auto provisioner = find_provisioner(*snapshot, id, site_.now());
  if (!provisioner) {
    throw_error({Errc::not_found, "no worker has asked a task queue of " + id + " of late"});
  }
  fill_provisioner(id, *provisioner, context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::pendingTasks(PendingTasksContext context) {
  const std::string id = checked_queue(context.getParams().getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  const auto queue = task_queue::find_queue(*snapshot, id);
  auto results = context.getResults();
  fill_names(id, results);
  results.setPendingTasks(queue ? queue->pending : 0);
  return READY_NOW;
}

Promise<void> QueueService::taskQueueCounts(TaskQueueCountsContext context) {
  const std::string id = checked_queue(context.getParams().getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  const auto queue = task_queue::find_queue(*snapshot, id);
  auto results = context.getResults();
  fill_names(id, results);
  results.setPendingTasks(queue ? queue->pending : 0);
  results.setClaimedTasks(worker::count_claims(*snapshot, id));
  return READY_NOW;
}

Promise<void> QueueService::listClaimedTasks(ListClaimedTasksContext context) {
  const auto params = context.getParams();
  const std::string id = checked_queue(params.getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto claims = short_page(
      read_page(params.getLimit(), view(params.getContinuationToken())), next,
      [&](const Page& page, std::string& token) {
        return page_of_claims(*snapshot, id, site_.now(), page, token);
      },
      [&](const Claimed& claim) { return definition_bytes(*snapshot, claim.task_id); });
  auto results = context.getResults();
  auto out = results.initTasks(static_cast<unsigned>(claims.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const Claimed& claim = claims[i];
    out[i].setTaskId(text(claim.task_id));
    out[i].setRunId(claim.run_id);
    out[i].setWorkerGroup(text(claim.worker_group));
    out[i].setWorkerId(text(claim.worker_id));
    out[i].setClaimed(claim.claimed_ms);
    require_task(*snapshot, claim.task_id).fill_definition(out[i].initTask());
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::listPendingTasks(ListPendingTasksContext context) {
  const auto params = context.getParams();
  const std::string id = checked_queue(params.getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  const auto queue = task_queue::find_queue(*snapshot, id);
  auto results = context.getResults();
  if (!queue) return READY_NOW;
  std::string next;
  const auto entries = short_page(
      read_page(params.getLimit(), view(params.getContinuationToken())), next,
      [&](const Page& page, std::string& token) {
        return task_queue::list_pending(*snapshot, *queue, page, token);
      },
      [&](const task_queue::Entry& entry) { return definition_bytes(*snapshot, entry.task_id); });
  auto out = results.initTasks(static_cast<unsigned>(entries.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setTaskId(text(entries[i].task_id));
    out[i].setRunId(entries[i].run_id);
    out[i].setInserted(entries[i].inserted.ms);
    if (auto task = task::find_task(*snapshot, entries[i].task_id)) {
      task->fill_definition(out[i].initTask());
    }
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

}  // namespace troupe::server
