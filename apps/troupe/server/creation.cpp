#include "apps/troupe/server/creation.h"

#include "actors/task/definition.h"
#include "actors/task/queries.h"
#include "actors/task_group/queries.h"
#include "runtime/base/random.h"
#include "runtime/transcode/json.h"

#include <algorithm>
#include <set>

namespace troupe::server {
namespace {

// Tasks under creation: which wait for others of the same call, which are done.
struct Wave {
  Site& site;
  std::vector<CheckedTask> tasks;
  std::vector<Bytes> statuses;
  std::vector<bool> done;
};

bool is_ready(const Wave& wave, std::size_t index, const std::set<std::string>& open) {
  const auto& needs = wave.tasks[index].dependencies;
  return std::ranges::none_of(needs, [&](const std::string& need) {
    return need != wave.tasks[index].task_id && open.contains(need);
  });
}

kj::Promise<void> run_waves(std::shared_ptr<Wave> wave) {
  std::set<std::string> open;
  for (std::size_t i = 0; i < wave->tasks.size(); ++i) {
    if (!wave->done[i]) open.insert(wave->tasks[i].task_id);
  }
  if (open.empty()) return kj::READY_NOW;
  kj::Vector<kj::Promise<void>> steps;
  for (std::size_t i = 0; i < wave->tasks.size(); ++i) {
    if (wave->done[i] || !is_ready(*wave, i, open)) continue;
    steps.add(ask(wave->site, task_id(wave->tasks[i].task_id), wave->tasks[i].command,
                  Admission::creation)
                  .then([wave, i](Bytes status) {
                    wave->statuses[i] = std::move(status);
                    wave->done[i] = true;
                  }));
  }
  if (steps.empty()) {
    throw_error({Errc::invalid, "the dependencies of these tasks form a circle"});
  }
  return kj::joinPromises(steps.releaseAsArray()).then([wave] { return run_waves(wave); });
}

std::optional<Error> check_group(const Snapshot& snapshot, const CheckedTask& task) {
  const auto group = task_group::find_group(snapshot, task.task_group_id);
  if (!group) return std::nullopt;
  if (group->state.sealed) {
    return Error{Errc::conflict, "task group " + task.task_group_id + " is sealed"};
  }
  if (group->state.scheduler_id != task.scheduler_id) {
    return Error{Errc::conflict, "task group " + task.task_group_id + " has schedulerId " +
                                     group->state.scheduler_id + ", not " + task.scheduler_id};
  }
  return std::nullopt;
}

std::optional<Error> check_needs(const Snapshot& snapshot,
                                 const CheckedTask& task,
                                 const std::set<std::string>& listed) {
  std::string missing;
  for (const auto& need : task.dependencies) {
    if (listed.contains(need)) continue;
    if (!task::find_task(snapshot, need)) missing += (missing.empty() ? "" : ", ") + need;
  }
  if (missing.empty()) return std::nullopt;
  return Error{Errc::invalid, "dependencies do not exist: " + missing};
}

}  // namespace

Result<CheckedTask> check_task(const Site& site,
                               capnp::Text::Reader id,
                               schema::TaskDefinition::Reader definition,
                               bool hold) {
  if (!is_slugid(view(id))) {
    return Error{Errc::invalid, "taskId is not an id of 22 characters: \"" + str(id) + "\""};
  }
  const auto faults = validate(definition);
  if (!faults.empty()) return Error{Errc::invalid, describe(faults)};
  CheckedTask task;
  task.task_id = str(id);
  capnp::MallocMessageBuilder message;
  auto create = message.initRoot<schema::TaskMessage>().initCreate();
  create.setHold(hold);
  create.setDefinition(definition);
  auto d = create.getDefinition();
  if (auto error = task::normalise(task.task_id, d)) return *error;
  if (auto error = task::check(d, site.tasks, site.now())) return *error;
  task.task_group_id = str(d.asReader().getTaskGroupId());
  task.scheduler_id = str(d.asReader().getSchedulerId());
  task.deadline = Instant{d.getDeadline()};
  for (const auto need : d.asReader().getDependencies()) task.dependencies.push_back(str(need));
  task.command = to_bytes(message);
  return task;
}

kj::Promise<Bytes> create_task(Site& site, CheckedTask task) {
  return ask(site, task_id(task.task_id), std::move(task.command), Admission::creation);
}

kj::Promise<std::vector<Bytes>> create_tasks(Site& site, std::vector<CheckedTask> tasks) {
  const auto count = tasks.size();
  auto wave = std::make_shared<Wave>(
      Wave{site, std::move(tasks), std::vector<Bytes>(count), std::vector<bool>(count)});
  return run_waves(wave).then([wave] { return std::move(wave->statuses); });
}

std::vector<std::pair<std::string, Error>> check_tasks(const Site& site,
                                                       capnp::List<schema::NewTask>::Reader tasks) {
  std::set<std::string> listed;
  for (const auto task : tasks) listed.insert(str(task.getTaskId()));
  const auto snapshot = site.host.snapshot();
  std::vector<std::pair<std::string, Error>> errors;
  for (const auto task : tasks) {
    auto checked = check_task(site, task.getTaskId(), task.getTask(), false);
    if (!checked.ok()) {
      errors.emplace_back(str(task.getTaskId()), checked.error());
      continue;
    }
    if (auto error = check_group(*snapshot, checked.value())) {
      errors.emplace_back(checked.value().task_id, *error);
    } else if (auto missing = check_needs(*snapshot, checked.value(), listed)) {
      errors.emplace_back(checked.value().task_id, *missing);
    }
  }
  return errors;
}

}  // namespace troupe::server
