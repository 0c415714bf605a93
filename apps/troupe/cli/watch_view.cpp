#include "apps/troupe/cli/watch_view.h"

#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/cli/terminal.h"
#include "apps/troupe/cli/watch_reasons.h"
#include "runtime/base/json_writer.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

using schema::TaskState;

constexpr std::size_t name_width_min = 8;
constexpr std::size_t name_width_max = 32;
constexpr std::size_t fixed_width = 2 + 12 + 1 + 9 + 2;  // of a row: all but the name and the note
constexpr std::size_t default_width = 80;
constexpr std::size_t default_height = 24;
// Without a terminal: how often blocked tasks are looked for, how many are told of at the start,
// and how many of those that a failure blocks; the last words name them all.
constexpr Duration look_interval{std::chrono::seconds{1}};
constexpr std::size_t waiting_max = 5;
constexpr std::size_t blocked_max = 20;
// Without a terminal, what a running task last printed is told this often.
constexpr Duration tail_interval{std::chrono::seconds{10}};

std::string progress_text(const WatchedGroup& group) {
  return fmt::format("{}/{}", group.resolved_count(), group.tasks().size());
}

std::size_t terminal_height() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  return known ? size.ws_row : default_height;
}

// Which states matter most when not all rows fit.
int urgency(TaskState state) {
  switch (state) {
    case TaskState::RUNNING: return 0;
    case TaskState::FAILED:
    case TaskState::EXCEPTION: return 1;
    case TaskState::PENDING: return 2;
    case TaskState::UNSCHEDULED: return 3;
    case TaskState::COMPLETED: return 4;
  }
  return 4;
}

class TableView final : public WatchView {
 public:
  explicit TableView(std::string group_id)
      : group_id_(std::move(group_id)), colour_(colour_on(STDOUT_FILENO)) {}

  void changed(const WatchedGroup&, const WatchedTask&) override {}

  void tick(const WatchedGroup& group, Instant now) override { draw(group, now); }

  void note(const std::string& text) override {
    // The table is drawn again below the remark.
    print_out(erase());
    print_note(text);
  }

  void finish(const WatchedGroup& group) override {
    draw(group, wall_now());
    print_out(summary_text(group, group_id_));
  }

 private:
  void draw(const WatchedGroup& group, Instant now) {
    const std::size_t width = terminal_width(STDOUT_FILENO);
    const std::string table = table_text(group, group_id_, now, width == 0 ? default_width : width,
                                         terminal_height() - 1, colour_);
    print_out(erase() + table);
    drawn_lines_ = static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n'));
  }

  std::string erase() {
    const std::size_t lines = std::exchange(drawn_lines_, 0);
    return lines == 0 ? "" : fmt::format("\x1b[{}A\r\x1b[J", lines);
  }

  const std::string group_id_;
  const bool colour_;
  std::size_t drawn_lines_ = 0;
};

class LinesView final : public WatchView {
 public:
  explicit LinesView(std::string group_id) : group_id_(std::move(group_id)) {}

  void changed(const WatchedGroup& group, const WatchedTask& task) override {
    if (task.state == TaskState::UNSCHEDULED) return;
    std::string line =
        fmt::format("[{}] {}: {}", progress_text(group), harmless(task.name), state_text(task));
    if (task.runs > 1) line += fmt::format(", run {}", task.runs - 1);
    const std::string time = run_time_text(task, task.resolved);
    if (is_resolved(task.state) && !time.empty()) line += ", " + time;
    print_line(line);
    told_[task.id] = wall_now();
  }

  void tick(const WatchedGroup& group, Instant now) override {
    if (now - looked_ >= look_interval) {
      tell_blocked(group);
      looked_ = now;
    }
    for (const WatchedTask& task : group.tasks()) {
      if (task.state != TaskState::RUNNING || task.note.empty()) continue;
      Instant& told = told_[task.id];
      if (now - told < tail_interval) continue;
      told = now;
      print_line(fmt::format("[{}] {}: running, {}: {}", progress_text(group), harmless(task.name),
                             run_time_text(task, now), harmless(task.note)));
    }
  }

  void note(const std::string& text) override { print_note(text); }

  void finish(const WatchedGroup& group) override { print_out(summary_text(group, group_id_)); }

 private:
  // At first what waits for others, all in one line; later what does so in vain, each once.
  void tell_blocked(const WatchedGroup& group) {
    for (const WatchedTask* task : group.blocked()) {
      if (in_vain_.size() >= blocked_max) break;
      const std::string why = blocked_by(group, *task).text;
      if (why.empty() || !in_vain_.insert(task->id).second) continue;
      print_note(harmless(task->name) + ": " + why);
    }
    if (!looked_) tell_waiting(group);
  }

  void tell_waiting(const WatchedGroup& group) {
    std::vector<std::string> waiting;
    for (const WatchedTask& task : group.tasks()) {
      const BlockedBy blocked = blocked_by(group, task);
      if (blocked.text.empty() || blocked.failure) continue;
      waiting.push_back(harmless(task.name) + ": " + blocked.text);
    }
    if (waiting.empty()) return;
    const std::size_t shown = std::min(waiting.size(), waiting_max);
    print_note(fmt::format(
        "{} wait{} for others: {}{}", waiting.size(), waiting.size() == 1 ? "s" : "",
        fmt::join(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(shown), "; "),
        shown < waiting.size() ? "; ..." : ""));
  }

  const std::string group_id_;
  Instant looked_;                       // when blocked tasks were last looked for
  std::set<std::string> in_vain_;        // tasks that were told to be blocked by a failure
  std::map<std::string, Instant> told_;  // when a line was last printed, by task
};

class JsonView final : public WatchView {
 public:
  explicit JsonView(std::string group_id) : group_id_(std::move(group_id)) {}

  void changed(const WatchedGroup&, const WatchedTask& task) override {
    JsonWriter json;
    json.begin_object().key("name").string(task.name);
    json.key("status").raw(task.status_json).end_object();
    print_line(json.take());
  }

  void tick(const WatchedGroup&, Instant) override {}

  void note(const std::string& text) override { print_note(text); }

  void finish(const WatchedGroup& group) override {
    JsonWriter json;
    json.begin_object().key("taskGroupId").string(group_id_);
    json.key("tasks").uint64(group.tasks().size());
    json.key("completed").uint64(group.count(TaskState::COMPLETED));
    json.key("failed").uint64(group.count(TaskState::FAILED));
    json.key("exception").uint64(group.count(TaskState::EXCEPTION));
    json.key("blocked").begin_array();
    for (const WatchedTask* task : group.blocked()) {
      json.begin_object().key("taskId").string(task->id);
      json.key("name").string(task->name).end_object();
    }
    json.end_array().end_object();
    print_line(json.take());
  }

 private:
  const std::string group_id_;
};

// The widest name that leaves a third of what the fixed columns leave to the last one.
std::size_t name_limit(std::size_t width) {
  const std::size_t free = width - std::min(width, fixed_width);
  return std::clamp(free * 2 / 3, name_width_min, name_width_max);
}

std::string row_text(const WatchedTask& task,
                     const std::string& why,
                     Instant now,
                     std::size_t name_width,
                     std::size_t width,
                     bool colour) {
  const std::string name = cut_text(harmless(task.name), name_width);
  const Cell state = state_cell(task.state);
  std::string note = !why.empty() || is_resolved(task.state) ? why : harmless(task.note);
  if (task.state == TaskState::EXCEPTION) note = enum_name(task.reason);
  if (task.runs > 1) note = fmt::format("(run {}) {}", task.runs - 1, note);
  std::string row = fmt::format("  {:<12}{}", state.text, name);
  row.append(name_width - std::min(name_width, text_width(name)) + 1, ' ');
  row += fmt::format("{:>9}  {}", run_time_text(task, now), note);
  // A row that the terminal breaks would be two lines to it, and one to who goes back up.
  row = cut_text(row, width);
  row.resize(row.find_last_not_of(' ') + 1);
  const bool whole = row.compare(2, state.text.size(), state.text) == 0;
  if (colour && whole) row.replace(2, state.text.size(), coloured(state.text, state.colour));
  return row;
}

}  // namespace

std::string state_text(const WatchedTask& task) {
  const std::string state = enum_name(task.state);
  if (task.state != TaskState::EXCEPTION) return state;
  return fmt::format("{} ({})", state, enum_name(task.reason));
}

std::string run_time_text(const WatchedTask& task, Instant now) {
  if (!task.started) return "";
  const Instant end = task.resolved ? task.resolved : now;
  return format_duration(std::max(Duration{0}, end - task.started));
}

std::string table_text(const WatchedGroup& group,
                       const std::string& group_id,
                       Instant now,
                       std::size_t width,
                       std::size_t height,
                       bool colour) {
  std::string title = fmt::format("group {}  {} done", group_id, progress_text(group));
  for (const TaskState state :
       {TaskState::RUNNING, TaskState::PENDING, TaskState::FAILED, TaskState::EXCEPTION}) {
    if (group.count(state) == 0) continue;
    title += fmt::format(", {} {}", group.count(state), enum_name(state));
  }
  std::vector<const WatchedTask*> rows = group.in_order();
  const std::size_t limit = name_limit(width);
  std::size_t name_width = 4;
  for (const WatchedTask* task : rows) {
    name_width = std::max(name_width, std::min(limit, text_width(harmless(task->name))));
  }
  const std::size_t rows_max = height > 3 ? height - 2 : 1;
  std::size_t hidden = 0;
  if (rows.size() > rows_max) {
    std::stable_sort(rows.begin(), rows.end(), [](const WatchedTask* a, const WatchedTask* b) {
      return urgency(a->state) < urgency(b->state);
    });
    hidden = rows.size() - rows_max;
    rows.resize(rows_max);
  }
  std::string text = cut_text(title, width) + "\n";
  for (const WatchedTask* task : rows) {
    text += row_text(*task, why_text(group, *task), now, name_width, width, colour) + "\n";
  }
  if (hidden > 0) text += cut_text(fmt::format("  and {} more", hidden), width) + "\n";
  return text;
}

std::string summary_text(const WatchedGroup& group, const std::string& group_id) {
  std::string text;
  for (const WatchedTask* task : group.in_order()) {
    if (!is_resolved(task->state) || task->state == TaskState::COMPLETED) continue;
    text += fmt::format("{}: {}; see `troupe task log {}`\n", harmless(task->name),
                        state_text(*task), task->id);
  }
  const auto blocked = group.blocked();
  for (const WatchedTask* task : blocked) {
    const std::string why = why_text(group, *task);
    text += fmt::format("{}: {}\n", harmless(task->name), why.empty() ? "blocked" : why);
  }
  text += fmt::format("group {}: {} of {} completed", group_id, group.count(TaskState::COMPLETED),
                      group.tasks().size());
  for (const TaskState state : {TaskState::FAILED, TaskState::EXCEPTION}) {
    if (group.count(state) > 0)
      text += fmt::format(", {} {}", group.count(state), enum_name(state));
  }
  const bool failed = group.count(TaskState::FAILED) + group.count(TaskState::EXCEPTION) > 0;
  if (!blocked.empty()) text += fmt::format(", {} blocked", blocked.size());
  if (failed || !blocked.empty()) {
    text += fmt::format("; `troupe group rerun {} --failed` goes on from there", group_id);
  }
  return text + "\n";
}

std::unique_ptr<WatchView> make_watch_view(WatchStyle style, const std::string& group_id) {
  switch (style) {
    case WatchStyle::table: return std::make_unique<TableView>(group_id);
    case WatchStyle::lines: return std::make_unique<LinesView>(group_id);
    case WatchStyle::json: return std::make_unique<JsonView>(group_id);
  }
  return std::make_unique<LinesView>(group_id);
}

}  // namespace troupe::cli
