#include "apps/troupe/cli/task_views.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/figures.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

namespace troupe::cli {
namespace {

using schema::TaskState;

struct Line {
  std::string name;
  std::string value;
};

// Names in one column; lines without a value are left out.
std::string render_lines(const std::vector<Line>& lines) {
  std::size_t width = 0;
  for (const Line& line : lines) width = std::max(width, line.name.size());
  std::string text;
  for (const Line& line : lines) {
    if (line.value.empty()) continue;
    text += fmt::format("{:<{}}  {}\n", line.name, width, harmless(line.value));
  }
  return text;
}

std::string when(std::int64_t ms, Instant now) {
  if (ms == 0) return {};
  return format_time(Instant{ms}) + " (" + relative_time(Instant{ms}, now) + ")";
}

std::string join(capnp::List<capnp::Text>::Reader texts) {
  std::string joined;
  for (const auto text : texts) joined += (joined.empty() ? "" : ", ") + std::string(text.cStr());
  return joined;
}

std::string render_runs(capnp::List<schema::Run>::Reader runs, Instant now, const Layout& layout) {
  Table table({">RUN", "STATE", "WHY", "WORKER", "STARTED", "TOOK"});
  for (const auto run : runs) {
    const bool resolved = run.getReasonResolved() != schema::ReasonResolved::NONE;
    const std::string why =
        resolved ? enum_name(run.getReasonResolved()) : enum_name(run.getReasonCreated());
    const std::string worker =
        run.getWorkerId().size() == 0
            ? "-"
            : std::string(run.getWorkerGroup().cStr()) + "/" + run.getWorkerId().cStr();
    table.add({std::to_string(run.getRunId()), state_cell(run.getState()), why, worker,
               relative_time(Instant{run.getStarted()}, now),
               elapsed(Instant{run.getStarted()}, Instant{run.getResolved()}, now)});
  }
  return table.render(layout);
}

}  // namespace

Cell state_cell(TaskState state) {
  const auto colour = [state] {
    switch (state) {
      case TaskState::UNSCHEDULED: return Colour::dim;
      case TaskState::PENDING: return Colour::yellow;
      case TaskState::RUNNING: return Colour::blue;
      case TaskState::COMPLETED: return Colour::green;
      case TaskState::FAILED: return Colour::red;
      case TaskState::EXCEPTION: return Colour::magenta;
    }
    return Colour::none;
  };
  return {enum_name(state), colour()};
}

bool is_resolved(TaskState state) {
  return state == TaskState::COMPLETED || state == TaskState::FAILED ||
         state == TaskState::EXCEPTION;
}

bool is_cancelled(schema::TaskStatus::Reader status) {
  const auto runs = status.getRuns();
  return status.getState() == TaskState::EXCEPTION && runs.size() > 0 &&
         runs[runs.size() - 1].getReasonResolved() == schema::ReasonResolved::CANCELED;
}

int exit_status_of(TaskState state) {
  if (state == TaskState::FAILED) return exit_failed;
  if (state == TaskState::EXCEPTION) return exit_exception;
  return exit_done;
}

Instant changed(schema::TaskStatus::Reader status, schema::TaskDefinition::Reader task) {
  const auto runs = status.getRuns();
  const bool resolved = is_resolved(status.getState()) && runs.size() > 0;
  return Instant{resolved ? runs[runs.size() - 1].getResolved() : task.getCreated()};
}

std::string render_status(schema::TaskStatus::Reader status, Instant now, const Layout& layout) {
  std::string text = render_lines({
      {"task", status.getTaskId().cStr()},
      {"state", enum_name(status.getState())},
      {"queue", status.getTaskQueueId().cStr()},
      {"group", status.getTaskGroupId().cStr()},
      {"priority", enum_name(status.getPriority())},
      {"retries left", std::to_string(status.getRetriesLeft())},
      {"deadline", when(status.getDeadline(), now)},
      {"expires", when(status.getExpires(), now)},
  });
  const auto runs = status.getRuns();
  if (runs.size() > 0) text += "\n" + render_runs(runs, now, layout);
  return text;
}

std::string render_definition(schema::TaskDefinition::Reader task, Instant now) {
  const auto metadata = task.getMetadata();
  std::vector<Line> lines = {
      {"name", metadata.getName().cStr()},
      {"description", metadata.getDescription().cStr()},
      {"owner", metadata.getOwner().cStr()},
      {"source", metadata.getSource().cStr()},
      {"queue", task.getTaskQueueId().cStr()},
      {"scheduler", task.getSchedulerId().cStr()},
      {"project", task.getProjectId().cStr()},
      {"group", task.getTaskGroupId().cStr()},
      {"dependencies", join(task.getDependencies())},
      {"requires", enum_name(task.getRequires())},
      {"routes", join(task.getRoutes())},
      {"priority", enum_name(task.getPriority())},
      {"retries", std::to_string(task.getRetries())},
      {"created", when(task.getCreated(), now)},
      {"deadline", when(task.getDeadline(), now)},
      {"expires", when(task.getExpires(), now)},
      {"scopes", join(task.getScopes())},
  };
  for (const auto tag : task.getTags()) {
    lines.push_back({std::string("tag ") + tag.getKey().cStr(), tag.getValue().cStr()});
  }
  if (task.getExtra() != "{}") lines.push_back({"extra", task.getExtra().cStr()});
  lines.push_back({"payload", task.getPayload().cStr()});
  return render_lines(lines);
}

}  // namespace troupe::cli
