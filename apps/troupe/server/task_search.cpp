#include "apps/troupe/server/task_search.h"

#include "runtime/store/message.h"
#include "runtime/transcode/json.h"

#include <chrono>

namespace troupe::server {
namespace {

// Tasks are looked at in the order in which they were written down. A task's own `created` may
// differ from that time by a quarter of an hour, and the clock may have been set back: tasks
// written down so much before `created_after` end a search.
constexpr Duration clock_slack = std::chrono::hours(24);

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

bool has_part(capnp::Text::Reader text, const std::string& part) {
  return part.empty() || lower(view(text)).find(part) != std::string::npos;
}

bool is_or_empty(capnp::Text::Reader text, const std::string& wanted) {
  return wanted.empty() || view(text) == wanted;
}

bool has_tag(capnp::List<schema::Tag>::Reader tags, const TaskFilter& filter) {
  if (filter.tag_key.empty()) return true;
  for (const auto tag : tags) {
    if (view(tag.getKey()) != filter.tag_key) continue;
    return !filter.tag_value || view(tag.getValue()) == *filter.tag_value;
  }
  return false;
}

// What the task's row tells; the definition, which has to be fetched, is asked last.
bool row_matches(task::TaskView& task, const TaskFilter& filter) {
  const auto row = task.row();
  return (!filter.state || task.state() == *filter.state) &&
         (!filter.priority || row.getPriority() == *filter.priority) &&
         is_or_empty(row.getTaskQueueId(), filter.task_queue_id) &&
         is_or_empty(row.getProjectId(), filter.project_id) &&
         is_or_empty(row.getTaskGroupId(), filter.task_group_id) &&
         has_part(row.getName(), filter.name) && has_tag(row.getTags(), filter);
}

bool definition_matches(task::TaskView& task, const TaskFilter& filter) {
  if (filter.owner.empty() && filter.source.empty() && !filter.created_after &&
      !filter.created_before) {
    return true;
  }
  const auto definition = task.definition();
  const auto metadata = definition.getMetadata();
  const Instant created{definition.getCreated()};
  return has_part(metadata.getOwner(), filter.owner) &&
         has_part(metadata.getSource(), filter.source) &&
         (!filter.created_after || created >= *filter.created_after) &&
         (!filter.created_before || created < *filter.created_before);
}

Result<std::optional<Instant>> read_instant(capnp::Text::Reader text, const char* parameter) {
  if (text.size() == 0) return std::optional<Instant>();
  const auto time = parse_time(view(text));
  if (time) return time;
  return Error{Errc::invalid, std::string(parameter) + ": \"" + str(text) +
                                  "\" is no time such as 2026-01-31T08:00:00Z"};
}

}  // namespace

Result<TaskFilter> read_filter(schema::Troupe::ListTasksParams::Reader params) {
  TaskFilter filter;
  const std::string state = str(params.getState());
  if (!state.empty()) {
    filter.state = enum_from_name<schema::TaskState>(state);
    if (!filter.state) {
      return Error{Errc::invalid, "no state \"" + state +
                                      "\": unscheduled, pending, running, completed, failed or "
                                      "exception"};
    }
  }
  const std::string priority = str(params.getPriority());
  if (!priority.empty()) {
    filter.priority = enum_from_name<schema::Priority>(priority);
    if (!filter.priority) {
      return Error{Errc::invalid, "no priority \"" + priority +
                                      "\": highest, very-high, high, medium, low, very-low or "
                                      "lowest"};
    }
  }
  filter.task_queue_id = str(params.getTaskQueueId());
  filter.project_id = str(params.getProjectId());
  filter.task_group_id = str(params.getTaskGroupId());
  filter.name = lower(view(params.getName()));
  filter.owner = lower(view(params.getOwner()));
  filter.source = lower(view(params.getSource()));
  const std::string tag = str(params.getTag());
  const auto equals = tag.find('=');
  filter.tag_key = tag.substr(0, equals);
  if (equals != std::string::npos) filter.tag_value = tag.substr(equals + 1);
  if (!tag.empty() && filter.tag_key.empty()) {
    return Error{Errc::invalid, "tag: \"" + tag + "\" is neither KEY nor KEY=VALUE"};
  }
  auto after = read_instant(params.getCreatedAfter(), "createdAfter");
  if (!after.ok()) return after.error();
  filter.created_after = after.value();
  auto before = read_instant(params.getCreatedBefore(), "createdBefore");
  if (!before.ok()) return before.error();
  filter.created_before = before.value();
  return filter;
}

FoundTasks search_tasks(const Snapshot& snapshot,
                        const TaskFilter& filter,
                        std::size_t limit,
                        std::uint64_t before) {
  FoundTasks found;
  if (limit == 0) return found;
  std::size_t looked_at = 0;
  std::uint64_t last = 0;
  task::scan_newest(snapshot, before, [&](task::TaskView& task) {
    if (looked_at == tasks_looked_at_max) {
      found.next = last;
      return false;
    }
    ++looked_at;
    if (filter.created_after &&
        Instant{task.row().getCreated()} < *filter.created_after - clock_slack) {
      return false;
    }
    last = task.number();
    if (!row_matches(task, filter) || !definition_matches(task, filter)) return true;
    if (found.tasks.size() == limit) {
      found.next = found.tasks.back().number();
      return false;
    }
    found.tasks.push_back(std::move(task));
    return true;
  });
  return found;
}

}  // namespace troupe::server
