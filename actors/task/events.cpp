#include "actors/task/events.h"

#include "actors/task/codec.h"
#include "runtime/api/exchanges.h"
#include "runtime/base/json_writer.h"
#include "runtime/store/message.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

namespace troupe::task {
namespace {

std::string status_json(const TaskState& state) {
  capnp::MallocMessageBuilder message;
  auto status = message.initRoot<schema::TaskStatus>();
  fill_status(state, status);
  return to_json(status.asReader());
}

std::string exchange(const char* name) {
  return api::exchange_prefix("queue") + name;
}

std::string routing_key(const TaskState& state,
                        const std::string& run,
                        const std::string& group,
                        const std::string& worker) {
  const auto [provisioner, worker_type] = split_queue_id(state.task_queue_id);
  return fmt::format("primary.{}.{}.{}.{}.{}.{}.{}.{}._", state.task_id, run,
                     group.empty() ? "_" : group, worker.empty() ? "_" : worker, provisioner,
                     worker_type, state.scheduler_id, state.task_group_id);
}

std::vector<std::string> copies(const TaskState& state) {
  std::vector<std::string> cc;
  cc.reserve(state.routes.size());
  for (const auto& route : state.routes) cc.push_back("route." + route);
  return cc;
}

// A payload under construction. All begin alike, and those about the task end with its tags.
JsonWriter begin_payload(const std::string& status) {
  JsonWriter json;
  json.begin_object().key("version").int64(1).key("status").raw(status);
  return json;
}

std::string end_with_tags(JsonWriter json, const TaskState& state) {
  json.key("task").begin_object().key("tags").begin_object();
  for (const auto& [key, value] : state.tags) json.key(key).string(value);
  json.end_object().end_object().end_object();
  return json.take();
}

void add_worker(JsonWriter& json, const std::string& group, const std::string& worker) {
  if (!group.empty()) json.key("workerGroup").string(group);
  if (!worker.empty()) json.key("workerId").string(worker);
}

}  // namespace

Event task_defined(const TaskState& state) {
  TaskState initial = state;
  initial.runs.clear();
  initial.retries_left = initial.retries;
  return {exchange("task-defined"), routing_key(state, "_", "", ""), copies(state),
          end_with_tags(begin_payload(status_json(initial)), state)};
}

Event task_pending(const TaskState& state, std::uint32_t run) {
  auto json = begin_payload(status_json(state));
  json.key("runId").int64(run);
  return {exchange("task-pending"), routing_key(state, std::to_string(run), "", ""), copies(state),
          end_with_tags(std::move(json), state)};
}

Event task_running(const TaskState& state, std::uint32_t run) {
  const Run& r = state.runs.at(run);
  auto json = begin_payload(status_json(state));
  json.key("runId").int64(run);
  add_worker(json, r.worker_group, r.worker_id);
  json.key("takenUntil").string(format_time(r.taken_until));
  return {exchange("task-running"),
          routing_key(state, std::to_string(run), r.worker_group, r.worker_id), copies(state),
          end_with_tags(std::move(json), state)};
}

Event task_ended(const TaskState& state, std::uint32_t run) {
  const Run& r = state.runs.at(run);
  const char* name = r.state == schema::TaskState::COMPLETED ? "task-completed"
                     : r.state == schema::TaskState::FAILED  ? "task-failed"
                                                             : "task-exception";
  const bool anonymous = r.reason_resolved == schema::ReasonResolved::DEADLINE_EXCEEDED;
  const std::string group = anonymous ? "" : r.worker_group;
  const std::string worker = anonymous ? "" : r.worker_id;
  auto json = begin_payload(status_json(state));
  json.key("runId").int64(run);
  add_worker(json, group, worker);
  return {exchange(name), routing_key(state, std::to_string(run), group, worker), copies(state),
          end_with_tags(std::move(json), state)};
}

Event task_priority_changed(const TaskState& state, schema::Priority old) {
  auto json = begin_payload(status_json(state));
  json.key("oldPriority").string(enum_name(old));
  json.key("newPriority").string(enum_name(state.priority));
  json.end_object();
  return {exchange("task-priority-changed"), routing_key(state, "_", "", ""), copies(state),
          json.take()};
}

Event artifact_created(const TaskState& state, std::uint32_t run, schema::ArtifactRow::Reader row) {
  const Run& r = state.runs.at(run);
  auto json = begin_payload(status_json(state));
  json.key("runId").int64(run);
  add_worker(json, r.worker_group, r.worker_id);
  json.key("artifact").begin_object();
  json.key("storageType").string(view(row.getStorageType()));
  json.key("name").string(view(row.getName()));
  json.key("expires").string(format_time(Instant{row.getExpires()}));
  json.key("contentType").string(view(row.getContentType()));
  json.end_object().end_object();
  return {exchange("artifact-created"),
          routing_key(state, std::to_string(run), r.worker_group, r.worker_id), copies(state),
          json.take()};
}

}  // namespace troupe::task
