#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/priority.h"
#include "apps/troupe/cli/task_actions.h"
#include "apps/troupe/cli/task_download.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

namespace troupe::cli {
namespace {

constexpr const char* task_text = "Id, unique prefix, `last` or GROUP/NAME";

CLI::Option& add_task(CLI::App& command, std::string& task) {
  return *command.add_option("TASK", task, task_text)->required();
}

void add_run(CLI::App& command, std::optional<std::uint32_t>& run) {
  command.add_option("--run", run, "Of run N instead of the latest")->type_name("N");
}

void add_create(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "create", "Create a task from a definition",
                                  "troupe task create task.yml");
  auto file = std::make_shared<std::string>();
  command.add_option("FILE", *file, "Definition in JSON or YAML; - is standard input")->required();
  set_action(commands, command,
             [&global = commands.global, file] { return task_create(global, *file); });
}

void add_list(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "list", "List tasks, the newest first",
                                  "troupe task list --state failed --since 2h");
  auto options = std::make_shared<TaskListOptions>();
  command.add_option("--state", options->state, "Only those in this state")
      ->type_name("unscheduled|pending|running|completed|failed|exception");
  command.add_option("--priority", options->priority, "Only those of this priority")
      ->type_name(priority_names);
  command.add_option("--queue", options->queue, "Only those of a task queue")->type_name("QUEUE");
  command.add_option("--name", options->name, "Only those with this in their names")
      ->type_name("TEXT");
  command.add_option("--owner", options->owner, "Only those with this in their owners")
      ->type_name("TEXT");
  command.add_option("--source", options->source, "Only those with this in their sources")
      ->type_name("TEXT");
  command.add_option("--tag", options->tag, "Only those with this tag")->type_name("KEY[=VALUE]");
  command.add_option("--project", options->project, "Only those of a project")
      ->type_name("PROJECT");
  command.add_option("--group", options->group, "Only those of a task group")->type_name("GROUP");
  command.add_option("--since", options->since, "Only those created then or later")
      ->type_name("TIME|DAY|AGO");
  command.add_option("--until", options->until, "Only those created earlier")
      ->type_name("TIME|DAY|AGO");
  command.add_option("--limit", options->limit, "At most N; 0 shows all")
      ->type_name("N")
      ->capture_default_str();
  set_action(commands, command,
             [&global = commands.global, options] { return task_list(global, *options); });
}

void add_status(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "status", "Show the state and the runs of a task",
                                  "troupe task status last");
  auto task = std::make_shared<std::string>();
  add_task(command, *task);
  set_action(commands, command,
             [&global = commands.global, task] { return task_status(global, *task); });
}

void add_show(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "show", "Show the definition of a task", "troupe task show last --json");
  auto task = std::make_shared<std::string>();
  add_task(command, *task);
  set_action(commands, command,
             [&global = commands.global, task] { return task_show(global, *task); });
}

void add_log(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "log", "Print the log of a task", "troupe task log -f last");
  auto options = std::make_shared<TaskLogOptions>();
  add_task(command, options->task);
  command.add_flag("-f,--follow", options->follow,
                   "Go on until the task is resolved; exit with its outcome");
  add_run(command, options->run);
  set_action(commands, command,
             [&global = commands.global, options] { return task_log(global, *options); });
}

void add_change(Commands& commands,
                CLI::App& family,
                TaskChange change,
                const std::string& name,
                const std::string& description) {
  CLI::App& command = add_command(family, name, description, "troupe task " + name + " last");
  auto task = std::make_shared<std::string>();
  add_task(command, *task);
  set_action(commands, command, [&global = commands.global, task, change] {
    return task_change(global, *task, change);
  });
}

void add_priority(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "priority", "Let a task be claimed sooner or later",
                                  "troupe task priority last high");
  struct Options {
    std::string task;
    std::string priority;
  };
  auto options = std::make_shared<Options>();
  add_task(command, options->task);
  command.add_option("PRIORITY", options->priority, priority_names)->required();
  set_action(commands, command, [&global = commands.global, options] {
    return task_priority(global, options->task, options->priority);
  });
}

void add_artifacts(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "artifacts", "List the artifacts of a task",
                                  "troupe task artifacts last");
  auto options = std::make_shared<TaskArtifactsOptions>();
  add_task(command, options->task);
  add_run(command, options->run);
  set_action(commands, command,
             [&global = commands.global, options] { return task_artifacts(global, *options); });
}

void add_download(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "download", "Download artifacts of a task",
                                  "troupe task download last/package app.deb --output out");
  auto options = std::make_shared<DownloadOptions>();
  add_task(command, options->task);
  command.add_option("NAME", options->names,
                     "Artifacts; all if none is named; public/ may be left out");
  command.add_option("--output", options->directory, "Folder for the files")
      ->type_name("DIR")
      ->capture_default_str();
  add_run(command, options->run);
  set_action(commands, command,
             [&global = commands.global, options] { return task_download(global, *options); });
}

}  // namespace

void add_task_commands(Commands& commands) {
  CLI::App& family =
      add_family(commands.app, "task", "Create, watch and change tasks", "troupe task status last");
  add_create(commands, family);
  add_list(commands, family);
  add_status(commands, family);
  add_show(commands, family);
  add_log(commands, family);
  add_change(commands, family, TaskChange::cancel, "cancel", "Cancel a task");
  add_change(commands, family, TaskChange::rerun, "rerun", "Run a resolved task once more");
  add_change(commands, family, TaskChange::schedule, "schedule",
             "Let an unscheduled task run, whatever it depends on");
  add_priority(commands, family);
  add_artifacts(commands, family);
  add_download(commands, family);
}

}  // namespace troupe::cli
