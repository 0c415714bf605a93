#include "actors/task/exchanges.h"

#include "runtime/base/json_writer.h"
#include "runtime/transcode/json_schema.h"
#include "schema/api/queue_types.capnp.h"

#include <utility>

namespace troupe::task {
namespace {

using Properties = std::vector<api::MessageProperty>;
using Words = std::vector<api::RoutingWord>;

// Which words a message about a task may have to leave out.
struct Known {
  bool run = true;
  bool worker = true;
};

Words task_words(Known known) {
  return {{.name = "routingKeyKind", .summary = "Always `primary`.", .constant = "primary"},
          {.name = "taskId", .summary = "The task."},
          {.name = "runId", .summary = "Its latest run.", .required = known.run},
          {.name = "workerGroup", .summary = "Of that run's worker.", .required = known.worker},
          {.name = "workerId", .summary = "Of that run's worker.", .required = known.worker},
          {.name = "provisionerId", .summary = "First half of the task's queue."},
          {.name = "workerType", .summary = "Second half of the task's queue."},
          {.name = "schedulerId", .summary = "Of the task."},
          {.name = "taskGroupId", .summary = "Of the task."},
          api::reserved_word()};
}

Words group_words() {
  return {{.name = "routingKeyKind", .summary = "Always `primary`.", .constant = "primary"},
          {.name = "taskGroupId", .summary = "The group."},
          {.name = "schedulerId", .summary = "Of the group."},
          api::reserved_word()};
}

api::MessageProperty version() {
  return {"version", R"({"type":"integer","enum":[1]})"};
}

std::string status_schema() {
  JsonWriter json;
  json.begin_object();
  const auto status = capnp::Schema::from<schema::TaskStatus>();
  transcode::write_schema_keywords(json, transcode::struct_rules(status).self);
  return json.end_object().take();
}

constexpr const char* time_schema = R"({"type":"string","format":"date-time"})";
constexpr const char* id_schema =
    R"({"type":"string","pattern":"^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-])"
    R"([A-Za-z0-9_-]{10}[AQgw]$"})";
constexpr const char* name_schema =
    R"({"type":"string","minLength":1,"maxLength":38,"pattern":"^([a-zA-Z0-9-_]*)$"})";
constexpr const char* priority_schema =
    R"({"type":"string","enum":["highest","very-high","high","medium","low","very-low","lowest"]})";
constexpr const char* tags_schema =
    R"({"type":"object","additionalProperties":{"type":"string","maxLength":4096}})";
constexpr const char* artifact_schema =
    R"({"type":"object","additionalProperties":false,)"
    R"("required":["storageType","name","expires","contentType"],"properties":{)"
    R"("storageType":{"type":"string","enum":["reference","link","error","object"]},)"
    R"("name":{"type":"string","maxLength":1024},)"
    R"("expires":{"type":"string","format":"date-time"},)"
    R"("contentType":{"type":"string","maxLength":255}}})";

// What all messages about a task have, with a run and a worker as far as they are known.
Properties about_task(Known known, bool with_worker = true) {
  Properties all = {version(), {"status", status_schema()}};
  all.push_back({"runId", R"({"type":"integer","minimum":0,"maximum":1000})", known.run});
  if (with_worker) {
    all.push_back({"workerGroup", name_schema, known.worker});
    all.push_back({"workerId", name_schema, known.worker});
  }
  return all;
}

Properties with(Properties properties, api::MessageProperty last) {
  properties.push_back(std::move(last));
  return properties;
}

std::map<std::string, Properties> schemas() {
  std::map<std::string, Properties> all;
  // What messages tell of the definition.
  const Properties definition = all["task-pulse-definition"] = {{"tags", tags_schema}};
  const api::MessageProperty tags{"task", api::schema_of(definition), false};
  all["task-defined-message"] = {version(), {"status", status_schema()}, tags};
  all["task-pending-message"] = with(about_task({}, false), tags);
  all["task-running-message"] = with(with(about_task({}), {"takenUntil", time_schema}), tags);
  all["artifact-created-message"] = with(about_task({}), {"artifact", artifact_schema});
  all["task-completed-message"] = with(about_task({}), tags);
  all["task-failed-message"] = with(about_task({}), tags);
  all["task-exception-message"] = with(about_task({.run = false, .worker = false}), tags);
  all["task-priority-changed-message"] = {version(),
                                          {"status", status_schema()},
                                          {"oldPriority", priority_schema},
                                          {"newPriority", priority_schema}};
  all["task-group-priority-changed-message"] = {
      version(),
      {"taskGroupId", id_schema},
      {"schedulerId", name_schema},
      {"newPriority", priority_schema},
      {"tasksAffected", R"({"type":"integer","minimum":0})"}};
  all["task-group-changed-message"] = {version(),
                                       {"taskGroupId", id_schema},
                                       {"schedulerId", name_schema},
                                       {"expires", time_schema},
                                       {"sealed", time_schema, false}};
  return all;
}

}  // namespace

api::ServiceExchanges exchanges() {
  api::ServiceExchanges out{.service = "queue",
                            .title = "Messages of the queue",
                            .description =
                                "What becomes of tasks and of their groups. A message "
                                "about a task goes by each of its routes, too: `route.` "
                                "and the route.",
                            .exchanges = {},
                            .schemas = schemas()};
  const auto add = [&out](const char* name, const char* title, const char* description, Words words,
                          const char* schema) {
    out.exchanges.push_back({name, title, description, std::move(words), schema});
  };
  add("task-defined", "Task defined", "A task was created. It may have to wait for others.",
      task_words({.run = false, .worker = false}), "task-defined-message");
  add("task-pending", "Task pending", "A run of a task waits for a worker.",
      task_words({.worker = false}), "task-pending-message");
  add("task-running", "Task running", "A worker has claimed a run.", task_words({}),
      "task-running-message");
  add("artifact-created", "Artifact created", "A run has an artifact.", task_words({}),
      "artifact-created-message");
  add("task-completed", "Task completed", "A task has succeeded.", task_words({}),
      "task-completed-message");
  add("task-failed", "Task failed", "A task ran and did not succeed.",
      task_words({.run = false, .worker = false}), "task-failed-message");
  add("task-exception", "Task exception",
      "A task ended otherwise: cancelled, past its deadline, or without a worker that could run "
      "it.",
      task_words({.run = false, .worker = false}), "task-exception-message");
  add("task-group-resolved", "Task group resolved",
      "All tasks of a group have ended. More may be added: then this comes again.", group_words(),
      "task-group-changed-message");
  add("task-priority-changed", "Task priority changed", "A task has another priority.",
      task_words({.run = false, .worker = false}), "task-priority-changed-message");
  add("task-group-priority-changed", "Task group priority changed",
      "The tasks of a group that never ended have another priority.", group_words(),
      "task-group-priority-changed-message");
  add("task-group-sealed", "Task group sealed", "A group takes no more tasks.", group_words(),
      "task-group-changed-message");
  return out;
}

}  // namespace troupe::task
