#include "apps/troupe/cli/run_create.h"

#include "runtime/base/counted.h"
#include "runtime/base/json_writer.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <kj/exception.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

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

// One fault of one definition.
struct Fault {
  std::size_t task = 0;
  std::string field;  // path in the definition; empty: the whole
  std::string message;
};

// Whether one of two paths leads through the other: then one fault is the other's consequence.
bool is_within(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  return a.empty() ||
         (b.starts_with(a) && (a.size() == b.size() || b[a.size()] == '.' || b[a.size()] == '['));
}

// `tasks[3].metadata.owner` to the task's number and the field within; nothing for another path.
std::optional<Fault> read_field(std::string_view path) {
  constexpr std::string_view prefix = "tasks[";
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  Fault fault;
  const auto [end, failure] = std::from_chars(path.data(), path.data() + path.size(), fault.task);
  path.remove_prefix(static_cast<std::size_t>(end - path.data()));
  if (failure != std::errc{} || !path.starts_with(']')) return std::nullopt;
  path.remove_prefix(path.starts_with("].") ? 2 : 1);
  fault.field = path;
  return fault;
}

// Writes the definitions; what is not of their shape is left out of them and added to `faults`.
void fill_checked(capnp::List<schema::NewTask>::Builder list,
                  const Tasks& tasks,
                  std::vector<Fault>& faults) {
  for (kj::uint i = 0; i < list.size(); ++i) {
    list[i].setTaskId(tasks[i].task_id);
    for (FieldError& error : from_json(tasks[i].definition_json, list[i].initTask())) {
      faults.push_back({i, std::move(error.path), std::move(error.message)});
    }
  }
}

// What the server says of what was right in shape.
void add_answer(capnp::List<schema::TaskError>::Reader errors, std::vector<Fault>& faults) {
  const std::vector<Fault> of_shape = faults;
  for (const auto error : errors) {
    auto fault = read_field(error.getField().cStr());
    if (!fault) continue;
    const bool told = std::any_of(of_shape.begin(), of_shape.end(), [&fault](const Fault& other) {
      return other.task == fault->task && is_within(other.field, fault->field);
    });
    if (told) continue;
    fault->message = error.getMessage().cStr();
    faults.push_back(std::move(*fault));
  }
}

// Puts what has been done before what went wrong then.
kj::Promise<void> told_with(const std::string& done, const kj::Exception& refusal) {
  const Error error = error_from(refusal);
  return exception_from({error.code, done + ": " + error.detail});
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
      .catch_([from](kj::Exception&& refusal) -> kj::Promise<void> {
        if (from == 0) return kj::mv(refusal);
        return told_with(counted(from, "task") + " were created, but are held and do not run",
                         refusal);
      })
      .then([&server, &tasks, from, count] { return create_from(server, tasks, from + count); });
}

kj::Promise<void> release(Reconnector& server, const std::string& group_id) {
  return server
      .call([&group_id](client::Connection& connection) {
        auto request = connection.troupe().releaseTasksRequest();
        request.setTaskGroupId(group_id);
        return request.send().ignoreResult();
      })
      .catch_([&group_id](kj::Exception&& refusal) {
        return told_with(
            "group " + group_id + " was created, but its tasks are held and do not run", refusal);
      });
}

kj::Promise<void> seal_group(Reconnector& server, const std::string& group_id) {
  return server
      .call([&group_id](client::Connection& connection) {
        auto request = connection.queue().sealTaskGroupRequest();
        request.setTaskGroupId(group_id);
        return request.send().ignoreResult();
      })
      .catch_([&group_id](kj::Exception&& refusal) {
        return told_with("group " + group_id + " was created and runs, but is not sealed", refusal);
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

bool reach(Reconnector& server, const group_file::Problems& problems) {
  kj::Maybe<kj::Exception> unreachable =
      kj::runCatchingExceptions([&server] { server.start().wait(server.io().waitScope); });
  KJ_IF_MAYBE (exception, unreachable) {
    if (problems.empty()) kj::throwFatalException(kj::mv(*exception));
    return false;
  }
  return true;
}

void check_tasks(Reconnector& server,
                 const Tasks& tasks,
                 const Locate& locate,
                 group_file::Problems& problems) {
  std::vector<Fault> faults;
  server.ask([&tasks, &faults](client::Connection& connection) {
    faults.clear();  // of an attempt without an answer
    auto request = connection.troupe().checkTasksRequest();
    fill_checked(request.initTasks(static_cast<kj::uint>(tasks.size())), tasks, faults);
    return request.send().then(
        [&faults](capnp::Response<schema::Troupe::CheckTasksResults>&& answer) {
          add_answer(answer.getErrors(), faults);
        });
  });
  const group_file::Problems of_reading = problems;
  for (const Fault& fault : faults) {
    const group_file::Position at = locate(fault.task, fault.field);
    if (of_reading.has(at)) continue;
    problems.add(at, fault.field.empty() ? fault.message : fault.field + ": " + fault.message);
  }
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

kj::Promise<capnp::Response<schema::TaskStatusResponse>> create_task(
    Reconnector& server, const group_file::ExpandedTask& task) {
  return server.call([&task](client::Connection& connection) {
    auto request = connection.queue().createTaskRequest();
    request.setTaskId(task.task_id);
    from_json(task.definition_json, request.initTask());
    return kj::Promise<capnp::Response<schema::TaskStatusResponse>>(request.send());
  });
}

}  // namespace troupe::cli
