#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/queue_actions.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

namespace troupe::cli {
namespace {

void add_one_queue(Commands& commands,
                   CLI::App& command,
                   int (*action)(const GlobalOptions&, const std::string&)) {
  auto queue = std::make_shared<std::string>();
  command.add_option("QUEUE", *queue, "PROVISIONER/TYPE")->required();
  set_action(commands, command,
             [&global = commands.global, queue, action] { return action(global, *queue); });
}

}  // namespace

void add_queue_commands(Commands& commands) {
  CLI::App& family = add_family(commands.app, "queue", "Look at task queues", "troupe queue list");
  CLI::App& list =
      add_command(family, "list", "List queues with their load and workers", "troupe queue list");
  set_action(commands, list, [&global = commands.global] { return queue_list(global); });
  CLI::App& show = add_command(family, "show", "Show one queue and its workers",
                               "troupe queue show local/default");
  add_one_queue(commands, show, queue_show);
  CLI::App& pending = add_command(family, "pending",
                                  "List what waits in a queue, in the order in which it is claimed",
                                  "troupe queue pending local/default");
  add_one_queue(commands, pending, queue_pending);

  CLI::App& explain_command = add_command(
      commands.app, "explain", "Say why something is not running, or not well, and what would help",
      "troupe explain last");
  auto subject = std::make_shared<std::string>();
  explain_command
      .add_option("SUBJECT", *subject,
                  "A task, group, queue (PROVISIONER/TYPE) or worker "
                  "(PROVISIONER/TYPE/GROUP/ID, GROUP/ID or ID)")
      ->required();
  set_action(commands, explain_command,
             [&global = commands.global, subject] { return explain(global, *subject); });
}

}  // namespace troupe::cli
