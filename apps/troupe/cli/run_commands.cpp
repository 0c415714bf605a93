// `run` and `submit`: their options.
#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/priority.h"
#include "apps/troupe/cli/run_group.h"
#include "apps/troupe/cli/submit.h"
#include "apps/troupe/group_file/group_file.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdint>
#include <memory>
#include <system_error>

namespace troupe::cli {
namespace {

// As written: a converted number would be cut to what fits.
std::string check_retries(const std::string& text) {
  std::uint32_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = failure == std::errc{} && end == text.data() + text.size();
  if (whole && count <= group_file::retries_max) return {};
  return "a whole number from 0 to " + std::to_string(group_file::retries_max) + ", not " + text;
}

void add_run(Commands& commands) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = commands.app.add_subcommand(
      "run", "Create the group of a group file, watch it, exit with its outcome");
  run->footer("Example: troupe run --only test ci/troupe.yml");
  run->add_option(
      "FILE", options->file,
      "A group file, - for standard input, or a folder with a troupe.yml [troupe.yml here "
      "or above]");
  run->add_option("--only", options->only, "Only these tasks and what they need")
      ->type_name("NAME")
      ->option_text("NAME")
      ->allow_extra_args(false);
  run->add_option("--env", options->env, "A variable for every task, over the file's")
      ->type_name("K=V")
      ->option_text("K=V")
      ->allow_extra_args(false);
  run->add_option("--into", options->into,
                  "Add to this group, which stays open: id, unique prefix or `last`")
      ->type_name("GROUP");
  run->add_flag("--dry-run", options->dry_run, "Create nothing; with --json, the definitions");
  run->add_flag("--detach", options->detach, "Do not watch");
  run->callback([&commands, options] {
    commands.chosen = [&global = commands.global, options] { return run_group(global, *options); };
  });
}

void add_submit(Commands& commands) {
  auto options = std::make_shared<SubmitOptions>();
  CLI::App* submit = commands.app.add_subcommand(
      "submit", "Run one command as a task: its log, its outcome as exit status");
  submit->footer("Example: troupe submit --env N=3 --artifact out.txt -- sh -c 'seq $N > out.txt'");
  submit->add_option("--queue", options->queue, "The task queue [local/default]")->type_name("Q");
  submit->add_option("--name", options->name, "The task's name [the command]")->type_name("N");
  submit->add_option("--env", options->env, "A variable of the task")
      ->type_name("K=V")
      ->option_text("K=V")
      ->allow_extra_args(false);
  submit
      ->add_option("--artifact", options->artifacts, "A file to keep, or a folder with a / behind")
      ->type_name("PATH")
      ->option_text("PATH")
      ->allow_extra_args(false);
  submit->add_option("--upload", options->upload, "Start in a copy of this folder's Git files")
      ->type_name("DIR");
  submit->add_option("--retries", options->retries, "Retries when a worker is lost, 0 to 49 [5]")
      ->type_name("N")
      ->check(CLI::Validator(check_retries, ""));
  submit->add_option("--priority", options->priority, "Who is claimed first in its queue [lowest]")
      ->type_name(priority_names);
  submit->add_option("--max-run-time", options->max_run_time, "Such as 20m [1h]")->type_name("D");
  submit
      ->add_option("--needs", options->needs,
                   "A task that must complete first: id, unique prefix, `last` or GROUP/NAME")
      ->type_name("TASK")
      ->option_text("TASK")
      ->allow_extra_args(false);
  submit->add_flag("--detach", options->detach, "Print the task's id and leave");
  submit->add_option("CMD", options->command, "The command and its arguments")->required();
  // After the command's first word everything is the command's.
  submit->positionals_at_end();
  submit->callback([&commands, options] {
    commands.chosen = [&global = commands.global, options] {
      return cli::submit(global, *options);
    };
  });
}

}  // namespace

void add_run_commands(Commands& commands) {
  add_run(commands);
  add_submit(commands);
}

}  // namespace troupe::cli
