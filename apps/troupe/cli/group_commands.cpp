#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/group_actions.h"
#include "apps/troupe/cli/group_rerun.h"
#include "apps/troupe/cli/group_show.h"
#include "apps/troupe/cli/priority.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/run_group.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/watch.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

namespace troupe::cli {
namespace {

struct GroupWatchOptions {
  std::string group;
  bool exit_status = true;
};

void add_group(CLI::App& command, std::string& group) {
  command.add_option("GROUP", group, "Id, unique prefix or `last`")->required();
}

int group_watch(const GlobalOptions& global, const GroupWatchOptions& options) {
  const Interrupts before_the_loop;
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> group_id = resolve_group(session, options.group);
    if (!group_id.ok()) return group_id.error();
    return watch_group(session.io(), session.target(), group_id.value(),
                       {.exit_status = options.exit_status, .json = global.json});
  });
}

void add_create(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "create", "Create the group of a group file, without watching it",
                  "troupe group create ci/troupe.yml");
  auto options = std::make_shared<RunOptions>();
  options->detach = true;
  command
      .add_option("FILE", options->file,
                  "A group file, - for standard input, or a folder with a troupe.yml")
      ->required();
  set_action(commands, command,
             [&global = commands.global, options] { return run_group(global, *options); });
}

void add_list(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "list", "List task groups, the newest first", "troupe group list");
  auto options = std::make_shared<GroupListOptions>();
  command.add_option("--limit", options->limit, "At most N; 0 shows all")
      ->type_name("N")
      ->capture_default_str();
  set_action(commands, command,
             [&global = commands.global, options] { return group_list(global, *options); });
}

void add_show(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "show", "Show a group and its tasks", "troupe group show last");
  auto group = std::make_shared<std::string>();
  add_group(command, *group);
  set_action(commands, command,
             [&global = commands.global, group] { return group_show(global, *group); });
}

void add_graph(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "graph", "Show which tasks of a group need which",
                                  "troupe group graph last --dot | dot -Tsvg -o graph.svg");
  struct Options {
    std::string group;
    bool dot = false;
  };
  auto options = std::make_shared<Options>();
  add_group(command, options->group);
  command.add_flag("--dot", options->dot, "As Graphviz reads it");
  set_action(commands, command, [&global = commands.global, options] {
    return group_graph(global, options->group, options->dot);
  });
}

void add_watch(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "watch", "Show a group live until nothing in it can run any more",
                  "troupe group watch last");
  auto options = std::make_shared<GroupWatchOptions>();
  add_group(command, options->group);
  command.add_flag("--exit-status,!--no-exit-status", options->exit_status,
                   "Exit with the outcome of the group, as `run` does [true]");
  set_action(commands, command,
             [&global = commands.global, options] { return group_watch(global, *options); });
}

void add_log(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "log", "Print the logs of all tasks, each line with its task's name",
                  "troupe group log last --failed --grep error");
  auto options = std::make_shared<GroupLogOptions>();
  add_group(command, options->group);
  command.add_flag("--failed", options->failed, "Only of tasks that failed or ended as exception");
  command.add_option("--grep", options->expression, "Only lines in which RE is found (RE2)")
      ->type_name("RE");
  set_action(commands, command,
             [&global = commands.global, options] { return group_log(global, *options); });
}

void add_rerun(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(family, "rerun",
                                  "Run the resolved tasks of a group once more, each once what it "
                                  "needs has completed again",
                                  "troupe group rerun last --failed");
  auto options = std::make_shared<GroupRerunOptions>();
  add_group(command, options->group);
  command.add_flag("--failed", options->failed, "Only those that failed or ended as exception");
  set_action(commands, command,
             [&global = commands.global, options] { return group_rerun(global, *options); });
}

void add_cancel(Commands& commands, CLI::App& family) {
  CLI::App& command = add_command(
      family, "cancel", "Cancel every task of a group that has not ended; it need not be sealed",
      "troupe group cancel last");
  auto group = std::make_shared<std::string>();
  add_group(command, *group);
  set_action(commands, command,
             [&global = commands.global, group] { return group_cancel(global, *group); });
}

void add_priority(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "priority", "Let the tasks of a group be claimed sooner or later",
                  "troupe group priority last high");
  struct Options {
    std::string group;
    std::string priority;
  };
  auto options = std::make_shared<Options>();
  add_group(command, options->group);
  command.add_option("PRIORITY", options->priority, priority_names)->required();
  set_action(commands, command, [&global = commands.global, options] {
    return group_priority(global, options->group, options->priority);
  });
}

void add_seal(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "seal", "Let no further task join a group", "troupe group seal last");
  auto group = std::make_shared<std::string>();
  add_group(command, *group);
  set_action(commands, command,
             [&global = commands.global, group] { return group_seal(global, *group); });
}

}  // namespace

void add_group_commands(Commands& commands) {
  CLI::App& family = add_family(commands.app, "group", "Create, watch and change task groups",
                                "troupe group watch last");
  add_create(commands, family);
  add_list(commands, family);
  add_show(commands, family);
  add_graph(commands, family);
  add_watch(commands, family);
  add_log(commands, family);
  add_rerun(commands, family);
  add_cancel(commands, family);
  add_priority(commands, family);
  add_seal(commands, family);
}

}  // namespace troupe::cli
