// How a command of the `troupe` binary is made: each family adds its CLI11 sub-commands, and the
// one that was chosen leaves behind what to do.
#pragma once

#include "apps/troupe/client/client.h"

#include <functional>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 names it so
class App;
}

namespace troupe::cli {

/// Exit statuses, as documented in `troupe --help`.
enum ExitStatus : int {
  exit_done = 0,
  exit_failed = 1,       // a task that failed, a check that did not hold
  exit_usage = 2,        // wrong usage or an invalid file
  exit_unreachable = 3,  // could not reach, or not allowed
  exit_exception = 4,    // a task ended as exception
  exit_interrupted = 130,
  exit_closed_pipe = 141,  // nobody reads the output any more
};

/// Flags that every command takes.
struct GlobalOptions {
  client::FindOptions find;
  bool json = false;
};

/// Everything here is borrowed and outlives parsing and the chosen action.
struct Commands {
  CLI::App& app;  // add sub-commands here
  GlobalOptions& global;
  std::function<int()>& chosen;  // set by the callback of the sub-command that was named
};

/// A sub-command that comes with an example, as each must; returned to take options and a callback.
CLI::App& add_command(CLI::App& parent,
                      const std::string& name,
                      const std::string& description,
                      const std::string& example);

/// A family (`task`): nothing by itself, one of its sub-commands must follow.
CLI::App& add_family(CLI::App& parent,
                     const std::string& name,
                     const std::string& description,
                     const std::string& example);

/// Makes `action` what is done, and its value the exit status, if this sub-command is named.
void set_action(Commands& commands, CLI::App& command, std::function<int()> action);

void add_api_commands(Commands& commands);     // api (api_command.cpp)
void add_server_commands(Commands& commands);  // up, down (server_commands.cpp)
void add_config_commands(Commands& commands);  // config check|show (config_commands.cpp)
void add_worker_commands(Commands& commands);  // worker, worker token|list (worker_commands.cpp)
void add_run_commands(Commands& commands);     // run, submit                    (run_commands.cpp)
void add_task_commands(Commands& commands);    // task ...                       (task_commands.cpp)
void add_group_commands(Commands& commands);  // group ...                      (group_commands.cpp)
void add_queue_commands(Commands& commands);  // queue ..., explain             (queue_commands.cpp)
void add_event_commands(Commands& commands);  // events                         (event_commands.cpp)
void add_dead_letter_commands(Commands& commands);  // dead-letters ... (dead_letter_commands.cpp)
void add_backup_commands(Commands& commands);     // backup, restore, upgrade (backup_commands.cpp)
void add_check_command(Commands& commands);       // check                   (check_command.cpp)
void add_completion_command(Commands& commands);  // completion (completion_command.cpp)

}  // namespace troupe::cli
