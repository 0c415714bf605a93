#include "apps/troupe/cli/run_create.h"

#include "runtime/base/json_writer.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace troupe::cli {
namespace {

constexpr std::size_t slice_tasks = 100;  // the server's limit for one call

void fill(capnp::List<schema::NewTask>::Builder list, const Tasks& tasks, std::size_t from) {
  for (kj::uint i = 0; i < list.size(); ++i) {
    const group_file::ExpandedTask& task = tasks[from + i];
    list[i].setTaskId(task.task_id);
    // Faults were told by check_tasks, which read the same text.
    from_json(task.definition_json, list[i].initTask());
  }
}

std::string line(const group_file::ExpandedTask& task, std::string_view message) {
  return fmt::format("{}: task `{}`: {}\n", task.where, task.name, message);
}

// What is wrong with the shape of a definition, before the server is asked.
std::string shape_errors(const Tasks& tasks) {
  std::string text;
  for (const group_file::ExpandedTask& task : tasks) {
    capnp::MallocMessageBuilder message;
    auto definition = message.initRoot<schema::TaskDefinition>();
    for (const FieldError& error : from_json(task.definition_json, definition)) {
      text += line(task, error.path.empty() ? error.message : error.path + ": " + error.message);
    }
  }
  return text;
}

Error invalid(std::string lines) {
  if (lines.ends_with('\n')) lines.pop_back();
  return Error{Errc::invalid, std::move(lines)};
}

kj::Promise<void> create_from(Reconnector& server, const Tasks& tasks, std::size_t from) {
  if (from >= tasks.size()) return kj::READY_NOW;
  const std::size_t count = std::min(slice_tasks, tasks.size() - from);
  return server
      .call([&tasks, from, count](client::Connection& connection) {
        auto request = connection.troupe().createTasksRequest();
        fill(request.initTasks(static_cast<kj::uint>(count)), tasks, from);
        request.setHold(true);
        return request.send().ignoreResult();
      })
      .then([&server, &tasks, from, count] { return create_from(server, tasks, from + count); });
}

kj::Promise<void> release(Reconnector& server, const std::string& group_id) {
  return server.call([&group_id](client::Connection& connection) {
    auto request = connection.troupe().releaseTasksRequest();
    request.setTaskGroupId(group_id);
    return request.send().ignoreResult();
  });
}

kj::Promise<void> seal_group(Reconnector& server, const std::string& group_id) {
  return server.call([&group_id](client::Connection& connection) {
    auto request = connection.queue().sealTaskGroupRequest();
    request.setTaskGroupId(group_id);
    return request.send().ignoreResult();
  });
}

}  // namespace

std::string tasks_json(const Tasks& tasks) {
  JsonWriter json;
  json.begin_object().key("tasks").begin_array();
  for (const group_file::ExpandedTask& task : tasks) {
    json.begin_object().key("taskId").string(task.task_id);
    json.key("task").raw(task.definition_json).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

Status check_tasks(Reconnector& server, const Tasks& tasks) {
  std::string lines = shape_errors(tasks);
  if (!lines.empty()) return invalid(std::move(lines));
  std::map<std::string, const group_file::ExpandedTask*> by_id;
  for (const group_file::ExpandedTask& task : tasks) by_id[task.task_id] = &task;
  server.ask([&tasks, &by_id, &lines](client::Connection& connection) {
    auto request = connection.troupe().checkTasksRequest();
    fill(request.initTasks(static_cast<kj::uint>(tasks.size())), tasks, 0);
    return request.send().then(
        [&by_id, &lines](capnp::Response<schema::Troupe::CheckTasksResults>&& answer) {
          for (const auto error : answer.getErrors()) {
            const auto found = by_id.find(error.getTaskId().cStr());
            if (found != by_id.end()) lines += line(*found->second, error.getMessage().cStr());
          }
        });
  });
  if (!lines.empty()) return invalid(std::move(lines));
  return Done{};
}

kj::Promise<void> create_tasks(Reconnector& server,
                               const Tasks& tasks,
                               const std::string& group_id,
                               bool seal) {
  return create_from(server, tasks, 0)
      .then([&server, &group_id] { return release(server, group_id); })
      .then([&server, &group_id, seal]() -> kj::Promise<void> {
        if (!seal) return kj::READY_NOW;
        return seal_group(server, group_id);
      });
}

kj::Promise<capnp::Response<schema::Queue::CreateTaskResults>> create_task(
    Reconnector& server, const group_file::ExpandedTask& task) {
  return server.call([&task](client::Connection& connection) {
    auto request = connection.queue().createTaskRequest();
    request.setTaskId(task.task_id);
    from_json(task.definition_json, request.initTask());
    return kj::Promise<capnp::Response<schema::Queue::CreateTaskResults>>(request.send());
  });
}

}  // namespace troupe::cli
