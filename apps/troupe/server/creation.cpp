#include "apps/troupe/server/creation.h"

#include "actors/task/definition.h"
#include "actors/task/queries.h"
#include "actors/task_group/queries.h"
#include "runtime/base/random.h"
#include "runtime/transcode/json.h"

#include <algorithm>
#include <map>
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

// Keeps one fault a field: what follows from a fault is none of its own.
void add_faults(std::vector<FieldError>& faults, const std::vector<FieldError>& more) {
  for (const FieldError& fault : more) {
    if (std::ranges::find(faults, fault.path, &FieldError::path) == faults.end()) {
      faults.push_back(fault);
    }
  }
}

// Fills in `task` as far as it can be read. Returns all faults that need no other actor to be seen.
std::vector<FieldError> read_task(const Site& site,
                                  capnp::Text::Reader id,
                                  schema::TaskDefinition::Reader definition,
                                  bool hold,
                                  CheckedTask& task) {
  std::vector<FieldError> faults;
  if (!is_slugid(view(id))) {
    faults.push_back({"taskId", "is not an id of 22 characters: \"" + str(id) + "\""});
  }
  for (FieldError& fault : validate(definition)) faults.push_back(std::move(fault));
  task.task_id = str(id);
  capnp::MallocMessageBuilder message;
  auto create = message.initRoot<schema::TaskMessage>().initCreate();
  create.setHold(hold);
  create.setDefinition(definition);
  auto d = create.getDefinition();
  add_faults(faults, task::normalise(task.task_id, d));
  add_faults(faults, task::check(d, site.tasks, site.now()));
  task.task_group_id = str(d.asReader().getTaskGroupId());
  task.scheduler_id = str(d.asReader().getSchedulerId());
  task.deadline = Instant{d.getDeadline()};
  task.expires = Instant{d.getExpires()};
  for (const auto need : d.asReader().getDependencies()) task.dependencies.push_back(str(need));
  task.command = to_bytes(message);
  return faults;
}

// What createTask asks other actors, as they are now.
class NeighbourCheck {
 public:
  NeighbourCheck(const Snapshot& snapshot,
                 const std::vector<CheckedTask>& tasks,
                 std::vector<TaskFault>& faults)
      : snapshot_(snapshot), faults_(faults) {
    for (const CheckedTask& task : tasks) listed_.emplace(task.task_id, task.expires);
  }

  void check(unsigned index, const CheckedTask& task) {
    check_group(index, task);
    for (std::size_t i = 0; i < task.dependencies.size(); ++i) {
      const std::string& need = task.dependencies[i];
      const std::string field = "dependencies[" + std::to_string(i) + "]";
      if (need == task.task_id || !is_slugid(need)) continue;  // legal; or told already
      const auto expires = expiry_of(need);
      if (!expires) {
        faults_.push_back({index, Errc::invalid, field, "there is no task " + need});
      } else if (*expires < task.deadline) {
        faults_.push_back(
            {index, Errc::invalid, field, "task " + need + " expires before this task's deadline"});
      }
    }
  }

 private:
  void check_group(unsigned index, const CheckedTask& task) {
    const auto group = task_group::find_group(snapshot_, task.task_group_id);
    if (!group) return;
    if (group->state.sealed) {
      faults_.push_back({index, Errc::conflict, "taskGroupId",
                         "task group " + task.task_group_id + " is sealed"});
    } else if (group->state.scheduler_id != task.scheduler_id) {
      faults_.push_back({index, Errc::conflict, "schedulerId",
                         "task group " + task.task_group_id + " has schedulerId " +
                             group->state.scheduler_id + ", not " + task.scheduler_id});
    }
  }

  std::optional<Instant> expiry_of(const std::string& task_id) {
    if (const auto listed = listed_.find(task_id); listed != listed_.end()) return listed->second;
    auto task = task::find_task(snapshot_, task_id);
    if (!task) return std::nullopt;
    return Instant{task->row().getExpires()};
  }

  const Snapshot& snapshot_;
  std::vector<TaskFault>& faults_;
  std::map<std::string, Instant> listed_;
};

}  // namespace

Result<CheckedTask> check_task(const Site& site,
                               capnp::Text::Reader id,
                               schema::TaskDefinition::Reader definition,
                               bool hold) {
  CheckedTask task;
  const auto faults = read_task(site, id, definition, hold, task);
  if (!faults.empty()) return Error{Errc::invalid, describe(faults)};
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

std::vector<TaskFault> check_tasks(const Site& site, capnp::List<schema::NewTask>::Reader tasks) {
  std::vector<TaskFault> faults;
  std::vector<CheckedTask> read(tasks.size());
  for (unsigned i = 0; i < tasks.size(); ++i) {
    for (FieldError& fault :
         read_task(site, tasks[i].getTaskId(), tasks[i].getTask(), false, read[i])) {
      faults.push_back({i, Errc::invalid, std::move(fault.path), std::move(fault.message)});
    }
    read[i].command = {};  // only who creates needs it
  }
  const auto snapshot = site.host.snapshot();
  NeighbourCheck neighbours(*snapshot, read, faults);
  for (unsigned i = 0; i < read.size(); ++i) neighbours.check(i, read[i]);
  return faults;
}

}  // namespace troupe::server
