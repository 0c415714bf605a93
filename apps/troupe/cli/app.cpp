#include "apps/troupe/cli/app.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/usage.h"
#include "runtime/rpc/errors.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <kj/exception.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

namespace troupe::cli {
namespace {

constexpr const char* description =
    "Troupe: a self-hosted platform that queues, schedules and runs tasks.";

constexpr const char* footer =
    "Each command has its own help with an example: troupe task log --help\n"
    "\n"
    "A task is named by its id, a unique prefix of 4 characters or more, `last` (the newest one\n"
    "you made) or GROUP/NAME; a group by the first three.\n"
    "\n"
    "The platform is found by the flags above, else the environment (TROUPE_DATA, TROUPE_RPC;\n"
    "TASKCLUSTER_ROOT_URL, TASKCLUSTER_CLIENT_ID, TASKCLUSTER_ACCESS_TOKEN,\n"
    "TASKCLUSTER_CERTIFICATE), else ./troupe-data here or in a parent folder, the login file,\n"
    "/var/lib/troupe. TROUPE_CA is for credentials in the environment, where RPC has TLS: a file\n"
    "of certificates to trust, or `system`.\n"
    "\n"
    "Exit status:\n"
    "  0    done\n"
    "  1    failed: a task that failed, a check that did not hold\n"
    "  2    wrong usage or an invalid file\n"
    "  3    could not reach the platform, or not allowed\n"
    "  4    a task ended as exception (cancelled, deadline, worker lost)\n"
    "  130  interrupted\n"
    "  141  nobody reads the output any more\n"
    "\n"
    "Example:\n"
    "  troupe up\n"
    "  troupe submit -- echo hello";

void add_global_options(CLI::App& app, GlobalOptions& global) {
  // With fallthrough each of these may stand before or after the sub-command.
  app.fallthrough();
  app.add_flag("--json", global.json, "Machine-readable output; streams one object a line");
  app.add_option("--data", global.find.data_dir, "The platform whose data is in DIR")
      ->type_name("DIR");
  app.add_option("--rpc", global.find.rpc, "The platform at ADDR: host:port or unix:PATH")
      ->type_name("ADDR");
  app.add_option("--root-url", global.find.root_url, "The platform with this root URL")
      ->type_name("URL");
  app.set_version_flag("--version", "troupe " TROUPE_VERSION, "Print the version and exit");
}

// The parser stops at `--version`: it has not read what stands behind.
void print_version(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  const bool json = std::find(arguments.begin(), end, "--json") != end;
  print_line(json ? R"({"name":"troupe","version":")" TROUPE_VERSION R"("})"
                  : "troupe " TROUPE_VERSION);
}

// `help task log` as `task log --help`.
std::vector<std::string> as_options(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments.front() != "help") return arguments;
  arguments.erase(arguments.begin());
  arguments.emplace_back("--help");
  return arguments;
}

void add_all_commands(Commands& commands) {
  add_server_commands(commands);
  add_worker_commands(commands);
  add_run_commands(commands);
  add_task_commands(commands);
  add_group_commands(commands);
  add_queue_commands(commands);
  add_api_commands(commands);
  add_event_commands(commands);
  add_backup_commands(commands);
  add_check_command(commands);
  add_dead_letter_commands(commands);
  add_config_commands(commands);
  add_completion_command(commands);
}

// Writes to a peer that has gone must fail, not kill. A handler instead of SIG_IGN: what is
// executed from here starts with the default again.
void survive_closed_pipes() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  sigaction(SIGPIPE, &action, nullptr);
}

}  // namespace

int run(int argc, char** argv) {
  survive_closed_pipes();
  GlobalOptions global;
  std::function<int()> chosen;
  CLI::App app(description, "troupe");
  app.footer(footer);
  app.require_subcommand(1);
  add_global_options(app, global);
  Commands commands{app, global, chosen};
  add_all_commands(commands);

  const std::vector<std::string> arguments = as_options({argv + 1, argv + argc});
  try {
    // CLI11 takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForVersion&) {
    print_version(arguments);
    return exit_done;
  } catch (const CLI::Success&) {
    if (const std::string problem = help_error(app, arguments); !problem.empty()) {
      print_error(problem);
      return exit_usage;
    }
    print_out(app.help());
    return exit_done;
  } catch (const CLI::ParseError& error) {
    print_error(usage_error(app, arguments, error.what()));
    return exit_usage;
  }
  // What no command expected is a bug of ours; it still ends as one line.
  int status = exit_failed;
  kj::Maybe<kj::Exception> thrown = kj::runCatchingExceptions([&] { status = chosen(); });
  KJ_IF_MAYBE (exception, thrown) return report(error_from(*exception));
  return status;
}

}  // namespace troupe::cli
