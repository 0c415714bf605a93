#include "apps/troupe/server/creation.h"

#include "actors/task/definition.h"
#include "actors/task/queries.h"
#include "actors/task_group/queries.h"
#include "runtime/base/random.h"
#include "runtime/transcode/json.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace troupe::server {
namespace {

constexpr std::size_t faults_max = 10'000;                           // that checkTasks tells
constexpr std::size_t definition_bytes_max = std::size_t{10} << 20;  // as of a body over HTTP
// A byte of a message is at most six in JSON, and what names fields is little.
constexpr std::size_t json_growth_max = 8;

using Wave = std::vector<std::size_t>;  // places in the list

// Who needs whom of the list.
struct Needs {
  std::vector<Wave> dependents;      // by place: those that need it
  std::vector<std::size_t> missing;  // by place: how many it needs that no wave has yet
};

Needs needs_within(const std::vector<CheckedTask>& tasks) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < tasks.size(); ++i) places.emplace(tasks[i].task_id, i);
  Needs needs{std::vector<Wave>(tasks.size()), std::vector<std::size_t>(tasks.size())};
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const std::string& need : tasks[i].dependencies) {
      const auto place = places.find(need);
      if (place == places.end() || need == tasks[i].task_id) continue;
      needs.dependents[place->second].push_back(i);
      needs.missing[i] += 1;
    }
  }
  return needs;
}

// The places of those that need no other of the list, then of those that need only these, and so
// on.
Result<std::vector<Wave>> plan_waves(const std::vector<CheckedTask>& tasks) {
  Needs needs = needs_within(tasks);
  Wave wave;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (needs.missing[i] == 0) wave.push_back(i);
  }
  std::vector<Wave> waves;
  std::size_t planned = 0;
  while (!wave.empty()) {
    Wave next;
    for (const std::size_t i : wave) {
      for (const std::size_t dependent : needs.dependents[i]) {
        if (--needs.missing[dependent] == 0) next.push_back(dependent);
      }
    }
    std::ranges::sort(next);
    planned += wave.size();
    waves.push_back(std::move(wave));
    wave = std::move(next);
  }
  if (planned < tasks.size()) {
    return Error{Errc::invalid, "the dependencies of these tasks form a circle"};
  }
  return waves;
}

struct Creation {
  Site& site;
  std::vector<CheckedTask> tasks;
  std::vector<Wave> waves;
  std::vector<Bytes> statuses;
};

kj::Promise<void> create_one(std::shared_ptr<Creation> creation, std::size_t i) {
  CheckedTask& task = creation->tasks[i];
  return ask(creation->site, task_id(task.task_id), std::move(task.command), Admission::creation)
      .then([creation, i](Bytes status) { creation->statuses[i] = std::move(status); },
            [id = task.task_id](kj::Exception&& refusal) {
              const Error error = error_from(refusal);
              throw_error({error.code, "task " + id + ": " + error.detail});
            });
}

// All of a wave are tried, whichever is refused; then no later wave is.
kj::Promise<void> run_waves(std::shared_ptr<Creation> creation, std::size_t next) {
  if (next == creation->waves.size()) return kj::READY_NOW;
  kj::Vector<kj::Promise<void>> steps;
  for (const std::size_t i : creation->waves[next]) steps.add(create_one(creation, i));
  return kj::joinPromises(steps.releaseAsArray()).then([creation, next] {
    return run_waves(creation, next + 1);
  });
}

// Keeps one fault a field: what follows from a fault is none of its own.
void add_faults(std::vector<FieldError>& faults, const std::vector<FieldError>& more) {
  for (const FieldError& fault : more) {
    if (std::ranges::find(faults, fault.path, &FieldError::path) == faults.end()) {
      faults.push_back(fault);
    }
  }
}

std::vector<FieldError> faults_of_form(schema::NewTask::Reader task) {
  std::vector<FieldError> faults;
  if (const auto id = task.getTaskId(); !is_slugid(view(id))) {
    faults.push_back({"taskId", "is not an id of 22 characters: \"" + str(id) + "\""});
  }
  for (FieldError& fault : validate(task.getTask())) faults.push_back(std::move(fault));
  return faults;
}

// Fills in `task` as far as it can be read. Returns what cannot be; those that break rules are in
// `task`. None of them needs another actor to be seen.
std::vector<FieldError> read_task(const task::TaskConfig& config,
                                  Instant now,
                                  capnp::Text::Reader id,
                                  schema::TaskDefinition::Reader definition,
                                  bool hold,
                                  CheckedTask& task) {
  task.task_id = str(id);
  capnp::MallocMessageBuilder message;
  auto create = message.initRoot<schema::TaskMessage>().initCreate();
  create.setHold(hold);
  create.setDefinition(definition);
  auto d = create.getDefinition();
  std::vector<FieldError> faults = task::normalise(task.task_id, d);
  add_faults(faults, task::check_dependencies(d, config));
  task.broken_rules = task::check(d, config, now);
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
    for (const CheckedTask& task : tasks) expiries_.emplace(task.task_id, task.expires);
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

  // Nothing for one that there is not.
  std::optional<Instant> expiry_of(const std::string& task_id) {
    const auto [found, anew] = expiries_.try_emplace(task_id);
    if (!anew) return found->second;
    if (auto task = task::find_task(snapshot_, task_id)) {
      found->second = Instant{task->row().getExpires()};
    }
    return found->second;
  }

  const Snapshot& snapshot_;
  std::vector<TaskFault>& faults_;
  // Of those of the list, and of those that were looked up: many tasks need the same few.
  std::unordered_map<std::string, std::optional<Instant>> expiries_;
};

// The first of what is wrong, of very much.
std::vector<TaskFault> faults_of(capnp::List<schema::NewTask>::Reader tasks,
                                 const task::TaskConfig& config,
                                 Instant now,
                                 const Snapshot& snapshot) {
  std::vector<TaskFault> faults;
  std::vector<CheckedTask> read(tasks.size());
  for (unsigned i = 0; i < tasks.size() && faults.size() < faults_max; ++i) {
    const auto task = tasks[i];
    if (auto sized = check_size(task.getTask()); !sized.ok()) {
      faults.push_back({i, sized.error().code, {}, sized.error().detail});
    }
    auto found = faults_of_form(task);
    const std::size_t of_form = found.size();
    add_faults(found, read_task(config, now, task.getTaskId(), task.getTask(), false, read[i]));
    add_faults(found, read[i].broken_rules);
    for (std::size_t k = 0; k < found.size(); ++k) {
      const Errc code = k < of_form ? Errc::invalid_payload : Errc::invalid;
      faults.push_back({i, code, std::move(found[k].path), std::move(found[k].message)});
    }
    read[i].command = {};  // only who creates needs it
  }
  NeighbourCheck neighbours(snapshot, read, faults);
  for (unsigned i = 0; i < read.size() && faults.size() < faults_max; ++i) {
    neighbours.check(i, read[i]);
  }
  faults.resize(std::min(faults.size(), faults_max));
  return faults;
}

}  // namespace

Status check_form(schema::NewTask::Reader task) {
  const auto faults = faults_of_form(task);
  if (faults.empty()) return Done{};
  return Error{Errc::invalid_payload, describe(faults)};
}

Status check_size(schema::TaskDefinition::Reader definition) {
  const std::size_t bytes = definition.totalSize().wordCount * sizeof(capnp::word);
  if (bytes <= definition_bytes_max / json_growth_max) return Done{};
  const std::size_t json_bytes = to_json(definition).size();
  if (json_bytes <= definition_bytes_max) return Done{};
  return Error{Errc::too_large, "the definition has " + std::to_string(json_bytes) +
                                    " bytes as JSON: more than 10 MiB (" +
                                    std::to_string(definition_bytes_max) + ") are not taken"};
}

Result<CheckedTask> check_task(const Site& site,
                               capnp::Text::Reader id,
                               schema::TaskDefinition::Reader definition,
                               bool hold) {
  CheckedTask task;
  auto faults = read_task(site.tasks, site.now(), id, definition, hold, task);
  if (faults.empty()) return task;
  add_faults(faults, task.broken_rules);
  return Error{Errc::invalid, describe(faults)};
}

Status check_rules(const CheckedTask& task) {
  if (task.broken_rules.empty()) return Done{};
  return Error{Errc::invalid, describe(task.broken_rules)};
}

kj::Promise<Bytes> create_task(Site& site, CheckedTask task) {
  return ask(site, task_id(task.task_id), std::move(task.command), Admission::creation);
}

kj::Promise<std::vector<Bytes>> create_tasks(Site& site, std::vector<CheckedTask> tasks) {
  auto waves = plan_waves(tasks);
  if (!waves.ok()) return exception_from(waves.error());
  std::vector<Bytes> statuses(tasks.size());
  auto creation = std::make_shared<Creation>(
      Creation{site, std::move(tasks), std::move(waves).value(), std::move(statuses)});
  return run_waves(creation, 0).then([creation] { return std::move(creation->statuses); });
}

kj::Promise<std::vector<TaskFault>> check_tasks(const Site& site,
                                                schema::Troupe::CheckTasksParams::Reader params) {
  auto copy = kj::heap<capnp::MallocMessageBuilder>();
  copy->setRoot(params);
  return offload(site.disk, [copy = kj::mv(copy), config = site.tasks, now = site.now(),
                             &host = site.host]() mutable {
    const auto all = copy->getRoot<schema::Troupe::CheckTasksParams>().asReader().getTasks();
    return faults_of(all, config, now, *host.snapshot());
  });
}

ScopeParameters creation_scopes(schema::TaskDefinition::Reader definition) {
  const auto list = [](capnp::List<capnp::Text>::Reader texts) {
    std::vector<std::string> all;
    for (const auto item : texts) all.push_back(str(item));
    return all;
  };
  std::string provisioner = str(definition.getProvisionerId());
  std::string worker_type = str(definition.getWorkerType());
  if (definition.getTaskQueueId().size() > 0) {
    const std::string queue = str(definition.getTaskQueueId());
    const auto slash = queue.find('/');
    provisioner = queue.substr(0, slash);
    worker_type = queue.substr(slash + 1);
  }
  // Whoever may use a priority may use all below it. Refusals name the highest first.
  std::vector<std::string> priorities;
  const int least = static_cast<int>(definition.getPriority());
  for (int rank = static_cast<int>(schema::Priority::HIGHEST); rank >= least; --rank) {
    priorities.push_back(enum_name(static_cast<schema::Priority>(rank)));
  }
  ScopeParameters values;
  values.list("scopes", list(definition.getScopes())).list("routes", list(definition.getRoutes()));
  values.text("projectId", str(definition.getProjectId()));
  values.text("schedulerId", str(definition.getSchedulerId()));
  values.text("provisionerId", provisioner).text("workerType", worker_type);
  values.list("priorities", std::move(priorities));
  return values;
}

}  // namespace troupe::server
