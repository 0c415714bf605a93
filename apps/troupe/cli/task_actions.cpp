#include "apps/troupe/cli/task_actions.h"

#include "apps/troupe/cli/artifact_list.h"
#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/input_file.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/once.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/priority.h"
#include "apps/troupe/cli/queue_name.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/run_create.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/task_follow.h"
#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/random.h"
#include "runtime/clock/clock.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace troupe::cli {
namespace {

using StatusAnswer = capnp::Response<schema::TaskStatusResponse>;

constexpr std::uint32_t page_max = 1000;

Result<std::string> task_id_of(Session& session, const std::string& name) {
  return resolve_task(session, name);
}

StatusAnswer status_of(Session& session, const std::string& task_id) {
  auto request = session.queue().statusRequest();
  request.setTaskId(task_id);
  return session.wait(request.send());
}

template <class Answer>
void print_status(const GlobalOptions& global, const Answer& answer) {
  if (global.json) {
    print_line(to_json(answer));
  } else {
    print_out(render_status(answer.getStatus(), wall_now(), layout_of_stdout()));
  }
}

std::string log_line_json(const std::string& task_id, std::uint32_t run, std::string_view line) {
  JsonWriter json;
  json.begin_object().key("taskId").string(task_id).key("runId").uint64(run);
  json.key("line").string(line).end_object();
  return json.take();
}

// Why a run shows nothing.
std::string no_log_text(const std::string& task_id, schema::Run::Reader run) {
  const std::string of = fmt::format("run {} of task {}", run.getRunId(), task_id);
  switch (run.getState()) {
    case schema::TaskState::UNSCHEDULED:
    case schema::TaskState::PENDING:
      return fmt::format(
          "{} has not begun: `troupe explain {}` says why, `troupe task log -f` waits", of,
          task_id);
    case schema::TaskState::RUNNING: return of + " has printed nothing yet";
    case schema::TaskState::COMPLETED:
    case schema::TaskState::FAILED: return of + " has no log";
    case schema::TaskState::EXCEPTION:
      return fmt::format("{} has no log: it ended as {}", of, enum_name(run.getReasonResolved()));
  }
  return of + " has no log";
}

// The log as it is now, of one run.
Result<int> print_log(Session& session,
                      Reconnector& server,
                      const std::string& task_id,
                      std::optional<std::uint32_t> run,
                      LogOutput& output) {
  const StatusAnswer answer = status_of(session, task_id);
  const auto runs = answer.getStatus().getRuns();
  if (runs.size() == 0) {
    return Error{Errc::not_found, "task " + task_id + " has not run yet: `troupe explain " +
                                      task_id + "` says why, `troupe task log -f` waits"};
  }
  if (run && *run >= runs.size()) {
    return Error{
        Errc::not_found,
        fmt::format("task {} has no run {}, only {}", task_id, *run,
                    runs.size() == 1 ? "run 0" : fmt::format("runs 0 to {}", runs.size() - 1))};
  }
  LogPlace place{.task_id = task_id, .run_id = run.value_or(runs.size() - 1), .offset = 0};
  output.begin_run(place.run_id);
  kj::Maybe<kj::Exception> thrown =
      kj::runCatchingExceptions([&] { read_run_log(server, place, false, output); });
  KJ_IF_MAYBE (exception, thrown) {
    if (error_from(*exception).code != Errc::not_found) kj::throwFatalException(kj::mv(*exception));
  }
  output.end_run();
  if (place.offset == 0) print_note(no_log_text(task_id, runs[place.run_id]));
  return int{exit_done};
}

// What a change that the task's state does not allow is told; empty if it was made. `before` is the
// state when it was asked for.
std::string without_effect(TaskChange change,
                           schema::TaskState before,
                           schema::TaskStatus::Reader now) {
  const auto already = [](schema::TaskStatus::Reader status, const char* what) {
    return fmt::format("task {}: already {}, {}", status.getTaskId().cStr(),
                       is_cancelled(status) ? "cancelled" : enum_name(status.getState()), what);
  };
  const bool runs = before == schema::TaskState::PENDING || before == schema::TaskState::RUNNING;
  switch (change) {
    case TaskChange::cancel:
      // It may have ended by itself while the wish was on its way.
      return is_resolved(before) || !is_cancelled(now) ? already(now, "nothing cancelled") : "";
    case TaskChange::rerun: return runs ? already(now, "nothing rerun") : "";
    case TaskChange::schedule:
      return before == schema::TaskState::UNSCHEDULED ? "" : already(now, "nothing scheduled");
  }
  return "";
}

Result<std::optional<schema::TaskState>> state_filter(const std::string& name) {
  if (name.empty()) return std::optional<schema::TaskState>();
  const std::optional<schema::TaskState> state = enum_from_name<schema::TaskState>(name);
  if (state) return state;
  std::string known;
  for (const auto one : capnp::Schema::from<schema::TaskState>().getEnumerants()) {
    known += (known.empty() ? "" : ", ") + enum_name(one);
  }
  return Error{Errc::invalid, "--state: there is no state \"" + name + "\": one of " + known};
}

// The text of a time, or of how long ago it was, as the API takes it.
Result<std::string> time_filter(const char* flag, const std::string& text, Instant now) {
  if (text.empty()) return std::string();
  if (const auto ago = parse_duration(text)) return format_time(now - *ago);
  if (const auto time = parse_time(text)) return format_time(*time);
  if (const auto day = parse_time(text + "T00:00:00Z")) return format_time(*day);
  return Error{Errc::invalid, fmt::format("{}: \"{}\" is neither a time such as "
                                          "2026-01-31T08:00:00Z, nor a day such as 2026-01-31 "
                                          "(UTC), nor so long ago, such as 2h30m",
                                          flag, text)};
}

using Faults = std::map<std::string, ArtifactFault>;  // by the artifact's name

Faults faults_of(Session& session,
                 const std::string& task_id,
                 std::optional<std::uint32_t> run,
                 const std::vector<ArtifactEntry>& all) {
  Faults faults;
  for (const ArtifactEntry& one : all) {
    if (one.storage_type != "error") continue;
    if (auto fault = ask_fault(session, task_id, run, one.name)) faults.emplace(one.name, *fault);
  }
  return faults;
}

std::string artifact_json(const ArtifactEntry& artifact, const Faults& faults) {
  const auto fault = faults.find(artifact.name);
  if (fault == faults.end()) return artifact.json;
  std::string json = artifact.json;
  json.pop_back();  // the end of the object, which has members that are required
  return json + ",\"reason\":" + json_string(fault->second.reason) +
         ",\"message\":" + json_string(fault->second.message) + "}";
}

void print_artifacts(bool json,
                     const std::vector<ArtifactEntry>& all,
                     const Faults& faults,
                     const std::string& none) {
  std::vector<std::string> headers = {"NAME", "STORAGE", "TYPE", ">SIZE", "EXPIRES"};
  if (!faults.empty()) headers.emplace_back("WHY");
  Listing listing(json, "artifacts", headers);
  const Instant now = wall_now();
  for (const ArtifactEntry& one : all) {
    listing.add([&] { return artifact_json(one, faults); },
                [&] {
                  std::vector<Cell> row = {one.name, one.storage_type, one.content_type,
                                           format_bytes(one.size), relative_time(one.expires, now)};
                  const auto fault = faults.find(one.name);
                  if (!faults.empty()) {
                    row.emplace_back(fault == faults.end() ? "" : fault_text(fault->second));
                  }
                  return row;
                });
  }
  listing.print(none);
}

}  // namespace

int task_create(const GlobalOptions& global, const std::string& file) {
  const Result<std::string> text = read_input(file);
  if (!text.ok()) return report(text.error());
  group_file::Problems problems(input_name(file));
  const auto definition = group_file::read_definition(text.value(), problems);
  const bool alone = !client::find_target(global.find).ok();
  if (!definition || (alone && !problems.empty())) return report_file(problems.error());
  group_file::ExpandedTask task;
  task.task_id = new_slugid();
  task.definition_json = group_file::to_json(*definition, {.task_ids = {}, .now = wall_now()});
  return with_target(global, [&](kj::AsyncIoContext& io, const client::Target& target) {
    Reconnector server(io, target);
    if (!reach(server, problems)) return Result<int>(report_file(problems.error()));
    check_tasks(
        server, {task},
        [&definition](std::size_t, std::string_view field) {
          return group_file::position_of(*definition, field);
        },
        problems);
    if (!problems.empty()) return Result<int>(report_file(problems.error()));
    const auto answer = create_task(server, task).wait(io.waitScope);
    const std::string group_id = answer.getStatus().getTaskGroupId().cStr();
    // One that joins a group that there was makes none.
    remember_task(target.platform, task.task_id, group_id == task.task_id ? group_id : "");
    print_line(global.json ? to_json(answer) : task.task_id);
    return Result<int>(int{exit_done});
  });
}

int task_list(const GlobalOptions& global, const TaskListOptions& options) {
  const auto state = state_filter(options.state);
  if (!state.ok()) return report(state.error());
  const Status queue =
      options.queue.empty() ? Status(Done{}) : check_queue_name(options.queue, "--queue");
  if (!queue.ok()) return report(queue.error());
  if (!options.priority.empty()) {
    const auto priority = read_priority(options.priority);
    if (!priority.ok()) {
      return report({priority.error().code, "--priority: " + priority.error().detail});
    }
  }
  const Instant now = wall_now();
  const auto since = time_filter("--since", options.since, now);
  if (!since.ok()) return report(since.error());
  const auto until = time_filter("--until", options.until, now);
  if (!until.ok()) return report(until.error());
  return with_session(global, [&](Session& session) -> Result<int> {
    Result<std::string> group = std::string();
    if (!options.group.empty()) group = resolve_group(session, options.group);
    if (!group.ok()) return group.error();
    Listing listing(global.json, "tasks", {"TASK", "STATE", "QUEUE", "CHANGED", "NAME"});
    bool more = false;
    read_pages([&](const std::string& token) -> std::string {
      const std::uint32_t wanted = options.limit == 0
                                       ? page_max
                                       : static_cast<std::uint32_t>(options.limit - listing.size());
      auto request = session.troupe().listTasksRequest();
      request.setState(options.state);
      request.setPriority(options.priority);
      request.setTaskQueueId(options.queue);
      request.setName(options.name);
      request.setOwner(options.owner);
      request.setSource(options.source);
      request.setTag(options.tag);
      request.setProjectId(options.project);
      request.setTaskGroupId(group.value());
      request.setCreatedAfter(since.value());
      request.setCreatedBefore(until.value());
      request.setContinuationToken(token);
      request.setLimit(std::min(page_max, wanted));
      const auto page = session.wait(request.send());
      for (const auto one : page.getTasks()) {
        listing.add([&one] { return to_json(one); },
                    [&one, now] {
                      const auto status = one.getStatus();
                      return std::vector<Cell>{status.getTaskId().cStr(),
                                               state_cell(status.getState()),
                                               status.getTaskQueueId().cStr(),
                                               relative_time(changed(status, one.getTask()), now),
                                               one.getTask().getMetadata().getName().cStr()};
                    });
      }
      const std::string next = page.getContinuationToken().cStr();
      more = !next.empty();
      return options.limit != 0 && listing.size() >= options.limit ? std::string() : next;
    });
    listing.print("no tasks");
    if (more && !global.json) print_note("there are more: --limit 0 shows all");
    return int{exit_done};
  });
}

int task_status(const GlobalOptions& global, const std::string& task) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> task_id = task_id_of(session, task);
    if (!task_id.ok()) return task_id.error();
    print_status(global, status_of(session, task_id.value()));
    return int{exit_done};
  });
}

int task_show(const GlobalOptions& global, const std::string& task) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> task_id = task_id_of(session, task);
    if (!task_id.ok()) return task_id.error();
    auto request = session.queue().taskRequest();
    request.setTaskId(task_id.value());
    const auto answer = session.wait(request.send());
    if (global.json) {
      print_line(to_json(answer.getTask()));
    } else {
      print_out(render_definition(answer.getTask(), wall_now()));
    }
    return int{exit_done};
  });
}

int task_log(const GlobalOptions& global, const TaskLogOptions& options) {
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    const Result<std::string> task_id = task_id_of(session, options.task);
    if (!task_id.ok()) return task_id.error();
    RawLogOutput raw;
    LineLogOutput lines([&task_id](std::uint32_t run, std::string_view line) {
      print_line(log_line_json(task_id.value(), run, line));
    });
    LogOutput& output = global.json ? static_cast<LogOutput&>(lines) : raw;
    if (!options.follow) return print_log(session, server, task_id.value(), options.run, output);
    return exit_status_of(follow_log(server, task_id.value(), options.run, output));
  });
}

int task_change(const GlobalOptions& global, const std::string& task, TaskChange change) {
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    const Result<std::string> task_id = task_id_of(session, task);
    if (!task_id.ok()) return task_id.error();
    const schema::TaskState before = status_of(session, task_id.value()).getStatus().getState();
    const auto told = [&](const auto& answer) {
      print_status(global, answer);
      const std::string nothing = without_effect(change, before, answer.getStatus());
      if (!nothing.empty()) print_note(nothing);
    };
    switch (change) {
      case TaskChange::cancel:
        told(server.ask([&task_id](client::Connection& connection) {
          auto request = connection.queue().cancelTaskRequest();
          request.setTaskId(task_id.value());
          return kj::Promise<capnp::Response<schema::TaskStatusResponse>>(request.send());
        }));
        break;
      case TaskChange::schedule:
        told(server.ask([&task_id](client::Connection& connection) {
          auto request = connection.queue().scheduleTaskRequest();
          request.setTaskId(task_id.value());
          return kj::Promise<capnp::Response<schema::TaskStatusResponse>>(request.send());
        }));
        break;
      case TaskChange::rerun: told(session.wait(rerun_task(server, task_id.value()))); break;
    }
    return int{exit_done};
  });
}

int task_priority(const GlobalOptions& global, const std::string& task, const std::string& name) {
  const auto priority = read_priority(name);
  if (!priority.ok()) return report(priority.error());
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> task_id = task_id_of(session, task);
    if (!task_id.ok()) return task_id.error();
    auto request = session.queue().changeTaskPriorityRequest();
    request.setTaskId(task_id.value());
    request.initChange().setNewPriority(priority.value());
    print_status(global, session.wait(request.send()));
    return int{exit_done};
  });
}

int task_artifacts(const GlobalOptions& global, const TaskArtifactsOptions& options) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> task_id = task_id_of(session, options.task);
    if (!task_id.ok()) return task_id.error();
    const auto all = list_artifacts(session, task_id.value(), options.run);
    const std::string none =
        all.empty() ? no_artifacts_text(session, task_id.value(), options.run) : std::string();
    print_artifacts(global.json, all, faults_of(session, task_id.value(), options.run, all), none);
    return int{exit_done};
  });
}

}  // namespace troupe::cli
