#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/completion.h"
#include "apps/troupe/cli/output.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

namespace troupe::cli {

void add_completion_command(Commands& commands) {
  CLI::App& command =
      add_command(commands.app, "completion", "Print the completion script for a shell",
                  "source <(troupe completion bash)");
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish")->required();
  set_action(commands, command, [&root = commands.app, shell]() -> int {
    const Result<std::string> script = completion_script(root, *shell);
    if (!script.ok()) return report(script.error());
    print_out(script.value());
    return exit_done;
  });
}

}  // namespace troupe::cli
