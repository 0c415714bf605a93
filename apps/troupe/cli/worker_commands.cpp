#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/worker_actions.h"
#include "apps/troupe/cli/worker_join.h"
#include "apps/troupe/cli/worker_tokens.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <memory>

namespace troupe::cli {
namespace {

constexpr std::uint32_t capacity_max = 200;
constexpr const char* worker_text = "PROVISIONER/TYPE/GROUP/ID, GROUP/ID or ID";

int join(const GlobalOptions& global, const JoinFlags& flags) {
  const Status logging = start_worker_logging(flags);
  if (!logging.ok()) return report(logging.error());
  const Result<worker::WorkerOptions> options = worker_options(global, flags);
  return options.ok() ? worker::run_worker(options.value()) : report(options.error());
}

void add_setting(CLI::App& command,
                 JoinFlags& flags,
                 const std::string& flag,
                 const std::string& key,
                 const char* type,
                 const std::string& description) {
  flags.names[key] = flag;
  command
      .add_option_function<std::string>(
          flag, [&flags, key](const std::string& text) { flags.settings[key] = text; }, description)
      ->type_name(type);
}

void add_join(Commands& commands, CLI::App& command) {
  auto flags = std::make_shared<JoinFlags>();
  command.add_option("--join", flags->join, "Dial out to the server at ADDR")->type_name("ADDR");
  command.add_option("--pool", flags->pool, "The task queue to serve")->type_name("POOL");
  command.add_option("--capacity", flags->capacity, "Tasks at once")
      ->type_name("N")
      ->check(CLI::Range(std::uint32_t{1}, capacity_max))
      ->capture_default_str();
  command
      .add_option("--credentials", flags->credentials, "Worker token, read again at each attempt")
      ->type_name("FILE");
  command.add_option("--work-dir", flags->work_dir, "Tasks run and caches are kept in DIR")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_option("--worker-group", flags->worker_group, "Part of its name [the host]")
      ->type_name("GROUP");
  command.add_option("--worker-id", flags->worker_id, "Its name [from host and work directory]")
      ->type_name("ID");
  add_setting(command, *flags, "--orphan-timeout", "worker.orphan_timeout", "DURATION",
              "Without a server for so long it ends");
  add_setting(command, *flags, "--max-log", "worker.max_log", "SIZE", "A log past this is cut");
  add_setting(command, *flags, "--min-free-disk", "worker.min_free_disk", "SIZE",
              "With less free it takes no tasks");
  add_setting(command, *flags, "--resources", "worker.resources", "LIST",
              "What its tasks may use: cpu=8,memory=16GiB,TOKEN=2 [any]");
  // The callback of a family is run for its sub-commands too, after theirs.
  command.callback([&commands = commands, &command, flags] {
    if (!command.get_subcommands().empty()) return;
    commands.chosen = [&global = commands.global, flags] { return join(global, *flags); };
  });
}

void add_token_create(Commands& commands, CLI::App& family) {
  CLI::App& command =
      add_command(family, "create", "Make credentials for one worker; they are shown once",
                  "troupe worker token create --pool local/default --output token.json");
  auto options = std::make_shared<TokenCreateOptions>();
  command.add_option("--pool", options->pool, "The pool it may claim from")
      ->type_name("POOL")
      ->required();
  command.add_option("--expires", options->expires, "Good for so long")
      ->type_name("DURATION")
      ->capture_default_str();
  command.add_option("--output", options->output, "Write them to FILE (0600) instead of printing")
      ->type_name("FILE");
  set_action(commands, command, [&global = commands.global, options] {
    return worker_token_create(global, *options);
  });
}

void add_token(Commands& commands, CLI::App& worker) {
  CLI::App& family =
      add_family(worker, "token", "Credentials for joining", "troupe worker token list");
  add_token_create(commands, family);
  CLI::App& list = add_command(family, "list", "List worker tokens", "troupe worker token list");
  set_action(commands, list, [&global = commands.global] { return worker_token_list(global); });
  CLI::App& revoke = add_command(family, "revoke", "Make a worker token useless at once",
                                 "troupe worker token revoke troupe/worker/local/default/ID");
  auto client_id = std::make_shared<std::string>();
  revoke.add_option("CLIENT", *client_id, "Its clientId, as listed")->required();
  set_action(commands, revoke, [&global = commands.global, client_id] {
    return worker_token_revoke(global, *client_id);
  });
}

std::shared_ptr<std::string> add_worker(CLI::App& command) {
  auto name = std::make_shared<std::string>();
  command.add_option("WORKER", *name, worker_text)->required();
  return name;
}

void add_reason(CLI::App& command, std::string& reason) {
  command.add_option("--reason", reason, "Why, for people")->type_name("TEXT");
}

void add_show(Commands& commands, CLI::App& worker) {
  CLI::App& show = add_command(worker, "show", "Show all that is known of one worker",
                               "troupe worker show host/worker-1");
  set_action(commands, show, [&global = commands.global, name = add_worker(show)] {
    return worker_show(global, *name);
  });
}

void add_quarantine(Commands& commands, CLI::App& worker) {
  CLI::App& command =
      add_command(worker, "quarantine", "Give a worker no tasks for some time",
                  "troupe worker quarantine host/worker-1 --for 2h --reason \"a full disk\"");
  auto options = std::make_shared<QuarantineOptions>();
  command.add_option("WORKER", options->worker, worker_text)->required();
  command.add_option("--for", options->duration, "For so long")->type_name("DURATION")->required();
  add_reason(command, options->reason);
  set_action(commands, command,
             [&global = commands.global, options] { return worker_quarantine(global, *options); });
}

void add_drain(Commands& commands, CLI::App& worker) {
  CLI::App& drain =
      add_command(worker, "drain", "Give a worker no more tasks; what it runs goes on",
                  "troupe worker drain host/worker-1");
  auto reason = std::make_shared<std::string>();
  auto drained = add_worker(drain);
  add_reason(drain, *reason);
  set_action(commands, drain, [&global = commands.global, drained, reason] {
    return worker_drain(global, *drained, *reason);
  });
  CLI::App& resume =
      add_command(worker, "resume", "End a worker's drain; without one, its quarantine",
                  "troupe worker resume host/worker-1");
  set_action(commands, resume, [&global = commands.global, name = add_worker(resume)] {
    return worker_resume(global, *name);
  });
}

}  // namespace

void add_worker_commands(Commands& commands) {
  CLI::App& worker =
      add_command(commands.app, "worker", "Run a worker here, or look at workers and their tokens",
                  "troupe worker --join ci.example.com:7421 --pool local/default "
                  "--credentials token.json");
  worker.require_subcommand(0, 1);
  add_join(commands, worker);
  add_token(commands, worker);
  CLI::App& list = add_command(worker, "list", "List workers", "troupe worker list");
  auto queue = std::make_shared<std::string>();
  list.add_option("--queue", *queue, "Only those that serve QUEUE")->type_name("QUEUE");
  set_action(commands, list,
             [&global = commands.global, queue] { return worker_list(global, *queue); });
  add_show(commands, worker);
  add_quarantine(commands, worker);
  add_drain(commands, worker);
}

}  // namespace troupe::cli
