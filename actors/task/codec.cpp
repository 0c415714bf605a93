#include "actors/task/codec.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"

namespace troupe::task {
namespace {

template <class List>
void fill_texts(List list, const std::vector<std::string>& values) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, text(values[i]));
}

template <class List>
std::vector<std::string> read_texts(List list) {
  std::vector<std::string> values;
  values.reserve(list.size());
  for (const auto value : list) values.push_back(str(value));
  return values;
}

unsigned count(const auto& container) {
  return static_cast<unsigned>(container.size());
}

void fill_run(const Run& run, schema::RunRow::Builder row) {
  row.setState(run.state);
  row.setReasonCreated(run.reason_created);
  row.setReasonResolved(run.reason_resolved);
  row.setWorkerGroup(text(run.worker_group));
  row.setWorkerId(text(run.worker_id));
  row.setTakenUntil(run.taken_until.ms);
  row.setScheduled(run.scheduled.ms);
  row.setStarted(run.started.ms);
  row.setClaimed(run.claimed.ms);
  row.setResolved(run.resolved.ms);
  row.setToken(run.token);
  row.setEntry(run.entry);
  row.setByName(run.by_name);
  row.setTimed(run.timed);
}

Run read_run(schema::RunRow::Reader row) {
  Run run;
  run.state = row.getState();
  run.reason_created = row.getReasonCreated();
  run.reason_resolved = row.getReasonResolved();
  run.worker_group = str(row.getWorkerGroup());
  run.worker_id = str(row.getWorkerId());
  run.taken_until = Instant{row.getTakenUntil()};
  run.scheduled = Instant{row.getScheduled()};
  run.started = Instant{row.getStarted()};
  run.claimed = Instant{row.getClaimed()};
  run.resolved = Instant{row.getResolved()};
  run.token = row.getToken();
  run.entry = row.getEntry();
  run.by_name = row.getByName();
  run.timed = row.getTimed();
  return run;
}

void fill_limits(const Limits& limits, schema::TaskRow::Builder row) {
  if (!limits.any()) return;
  row.setConcurrencyKey(text(limits.concurrency_key));
  row.setConcurrencyLimit(limits.concurrency_limit);
  fill_demands(limits.demands, row.initResources(count(limits.demands)));
}

Limits read_limits(schema::TaskRow::Reader row) {
  Limits limits{str(row.getConcurrencyKey()), row.getConcurrencyLimit(), {}};
  for (const auto demand : row.getResources()) {
    limits.demands.push_back({str(demand.getName()), demand.getAmount()});
  }
  return limits;
}

void fill_chains(const TaskState& state, schema::TaskRow::Builder row) {
  if (state.creation) {
    const Creation& creation = *state.creation;
    row.setCreateStep(creation.step);
    row.setCreateAsked(creation.asked);
    row.setCreateWaiting(creation.waiting);
    fill_texts(row.initCreateMissing(count(creation.missing)), creation.missing);
    fill_texts(row.initCreateExpiring(count(creation.expiring)), creation.expiring);
    row.setCreateNumber(creation.number);
  }
  if (state.telling) {
    const Telling& telling = *state.telling;
    row.setResolveActive(true);
    row.setResolveRuns(telling.ended);
    row.setResolveCompleted(telling.completed > 0);
    row.setResolveCompletedRuns(telling.completed);
    row.setResolveCursor(text(telling.cursor));
    row.setResolveWaiting(telling.waiting);
    row.setResolveToldGroup(telling.told_group);
    row.setResolveAgain(telling.again);
    row.setResolveDeadline(telling.deadline_event);
  }
}

void read_chains(schema::TaskRow::Reader row, TaskState& state) {
  if (row.getCreateStep() != schema::CreateStep::NONE) {
    state.creation = Creation{row.getCreateStep(),
                              row.getCreateAsked(),
                              row.getCreateWaiting(),
                              read_texts(row.getCreateMissing()),
                              read_texts(row.getCreateExpiring()),
                              row.getCreateNumber(),
                              std::nullopt};
  }
  if (row.getResolveActive()) {
    // An earlier program counted no runs: its edges are as though they had been there from the
    // first on.
    const std::uint32_t completed = row.getResolveCompleted() ? 1 : 0;
    state.telling = Telling{std::max(row.getResolveRuns(), 1U),
                            std::max(row.getResolveCompletedRuns(), completed),
                            str(row.getResolveCursor()),
                            row.getResolveWaiting(),
                            row.getResolveToldGroup(),
                            row.getResolveAgain(),
                            row.getResolveDeadline()};
  }
}

}  // namespace

Bytes encode_row(const TaskState& state) {
  return build<schema::TaskRow>([&state](schema::TaskRow::Builder row) {
    row.setTaskId(text(state.task_id));
    row.setTaskQueueId(text(state.task_queue_id));
    row.setSchedulerId(text(state.scheduler_id));
    row.setProjectId(text(state.project_id));
    row.setTaskGroupId(text(state.task_group_id));
    row.setPriority(state.priority);
    row.setRequires(state.requirement);
    row.setRetries(state.retries);
    row.setRetriesLeft(state.retries_left);
    row.setCreated(state.created.ms);
    row.setDeadline(state.deadline.ms);
    row.setExpires(state.expires.ms);
    fill_texts(row.initRoutes(count(state.routes)), state.routes);
    auto tags = row.initTags(count(state.tags));
    for (unsigned i = 0; i < tags.size(); ++i) {
      tags[i].setKey(text(state.tags[i].first));
      tags[i].setValue(text(state.tags[i].second));
    }
    row.setName(text(state.name));
    fill_limits(state.limits, row);
    auto runs = row.initRuns(count(state.runs));
    for (unsigned i = 0; i < runs.size(); ++i) fill_run(state.runs[i], runs[i]);
    row.setHeld(state.held);
    row.setUnsatisfied(state.unsatisfied);
    row.setEverResolved(state.ever_resolved);
    row.setExpiring(state.expiring);
    fill_chains(state, row);
  });
}

TaskState decode_row(WordSpan words) {
  Stored<schema::TaskRow> stored(words);
  const auto row = stored.get();
  TaskState state;
  state.exists = true;
  state.task_id = str(row.getTaskId());
  state.task_queue_id = str(row.getTaskQueueId());
  state.scheduler_id = str(row.getSchedulerId());
  state.project_id = str(row.getProjectId());
  state.task_group_id = str(row.getTaskGroupId());
  state.priority = row.getPriority();
  state.requirement = row.getRequires();
  state.retries = row.getRetries();
  state.retries_left = row.getRetriesLeft();
  state.created = Instant{row.getCreated()};
  state.deadline = Instant{row.getDeadline()};
  state.expires = Instant{row.getExpires()};
  state.routes = read_texts(row.getRoutes());
  for (const auto tag : row.getTags()) {
    state.tags.emplace_back(str(tag.getKey()), str(tag.getValue()));
  }
  state.name = str(row.getName());
  state.limits = read_limits(row);
  for (const auto run : row.getRuns()) state.runs.push_back(read_run(run));
  state.held = row.getHeld();
  state.unsatisfied = row.getUnsatisfied();
  state.ever_resolved = row.getEverResolved();
  state.expiring = row.getExpiring();
  read_chains(row, state);
  return state;
}

void fill_demands(const std::vector<Demand>& demands, capnp::List<schema::Resource>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setName(text(demands[i].name));
    list[i].setAmount(demands[i].amount);
  }
}

void fill_status(const TaskState& state, schema::TaskStatus::Builder status) {
  const auto [provisioner, worker_type] = split_queue_id(state.task_queue_id);
  status.setTaskId(text(state.task_id));
  status.setProvisionerId(text(provisioner));
  status.setWorkerType(text(worker_type));
  status.setTaskQueueId(text(state.task_queue_id));
  status.setSchedulerId(text(state.scheduler_id));
  status.setProjectId(text(state.project_id));
  status.setTaskGroupId(text(state.task_group_id));
  status.setPriority(state.priority);
  status.setDeadline(state.deadline.ms);
  status.setExpires(state.expires.ms);
  status.setRetriesLeft(state.retries_left);
  status.setState(state.state());
  auto runs = status.initRuns(count(state.runs));
  for (unsigned i = 0; i < runs.size(); ++i) {
    const Run& run = state.runs[i];
    auto out = runs[i];
    out.setRunId(i);
    out.setState(run.state);
    out.setReasonCreated(run.reason_created);
    out.setReasonResolved(run.reason_resolved);
    if (!run.worker_group.empty()) out.setWorkerGroup(text(run.worker_group));
    if (!run.worker_id.empty()) out.setWorkerId(text(run.worker_id));
    out.setTakenUntil(run.taken_until.ms);
    out.setScheduled(run.scheduled.ms);
    out.setStarted(run.started.ms);
    out.setResolved(run.resolved.ms);
  }
}

Bytes encode_status(const TaskState& state) {
  return build<schema::TaskStatus>(
      [&state](schema::TaskStatus::Builder status) { fill_status(state, status); });
}

std::pair<std::string, std::string> split_queue_id(const std::string& task_queue_id) {
  const auto slash = task_queue_id.find('/');
  if (slash == std::string::npos) return {task_queue_id, ""};
  return {task_queue_id.substr(0, slash), task_queue_id.substr(slash + 1)};
}

std::string artifact_key(std::uint32_t run, const std::string& name) {
  return KeyWriter().u64(run).text(name).prefix();
}

std::string edge_key(const std::string& task_id) {
  return KeyWriter().text(task_id).prefix();
}

}  // namespace troupe::task
