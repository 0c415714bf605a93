// `troupe config check` and `troupe config show`.
#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/config_flags.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/server/config.h"
#include "apps/troupe/server/data_dir.h"
#include "apps/troupe/server/named_files.h"
#include "apps/troupe/server/up.h"
#include "runtime/clock/clock.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string json_list(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  quoted.reserve(texts.size());
  for (const std::string& text : texts) quoted.push_back(json_string(text));
  return fmt::format("[{}]", fmt::join(quoted, ","));
}

server::ConfigSources sources_of(const std::string& file, const GlobalOptions& global) {
  server::ConfigSources sources;
  sources.environment = server::process_environment();
  sources.file = server::find_config_file(file, sources.environment, own_data_dir(global));
  return sources;
}

// All that is to say of the configuration, and of the files that it names.
server::FileFindings findings_of(const server::ConfigSources& sources,
                                 const std::string& data_dir) {
  const auto loaded = server::load_config(sources);
  if (!loaded) return {.errors = lines_of(loaded.error().detail), .warnings = {}};
  const auto keys = sources.environment.find(server::keys_variable);
  auto findings = server::check_named_files(
      loaded.value(), data_dir, keys == sources.environment.end() ? "" : keys->second, wall_now());
  const auto& variables = loaded.value().warnings;
  findings.warnings.insert(findings.warnings.begin(), variables.begin(), variables.end());
  return findings;
}

int check(const std::string& given, const GlobalOptions& global) {
  const server::ConfigSources sources = sources_of(given, global);
  const auto [errors, warnings] = findings_of(sources, own_data_dir(global));
  if (global.json) {
    print_line(fmt::format(R"({{"file":{},"valid":{},"errors":{},"warnings":{}}})",
                           json_string(sources.file), errors.empty(), json_list(errors),
                           json_list(warnings)));
    return errors.empty() ? exit_done : exit_usage;
  }
  for (const std::string& warning : warnings) print_note(warning);
  // Bare, so that editors and people find the place at the start of the line.
  for (const std::string& error : errors) print_note(error);
  if (!errors.empty()) return exit_usage;
  print_line(sources.file.empty() ? "no configuration file; the environment is valid"
                                  : sources.file + " is valid");
  return exit_done;
}

int show(const server::ConfigSources& sources, const GlobalOptions& global) {
  const auto loaded = server::load_config(sources);
  if (!loaded) {
    for (const std::string& error : lines_of(loaded.error().detail)) print_note(error);
    return exit_usage;
  }
  for (const std::string& warning : loaded.value().warnings) print_note(warning);
  const std::vector<server::ShownValue>& values = loaded.value().shown;
  if (global.json) {
    std::vector<std::string> members;
    members.reserve(values.size());
    for (const auto& [name, value, origin] : values) {
      members.push_back(fmt::format(R"({}:{{"value":{},"origin":{}}})", json_string(name),
                                    json_string(value), json_string(origin)));
    }
    print_line(fmt::format("{{{}}}", fmt::join(members, ",")));
    return exit_done;
  }
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const server::ShownValue& shown : values) {
    name_width = std::max(name_width, shown.name.size());
    value_width = std::max(value_width, shown.value.size());
  }
  for (const auto& [name, value, origin] : values) {
    print_line(fmt::format("{:<{}}  {:<{}}  {}", name, name_width, value, value_width, origin));
  }
  return exit_done;
}

void add_check(CLI::App& family, Commands& commands) {
  CLI::App& command =
      add_command(family, "check", "Check the configuration and the files that it names",
                  "troupe config check troupe.toml");
  auto file = std::make_shared<std::string>();
  command.add_option("FILE", *file, "The file to check [the one that `up` would read]");
  command.callback([file, &chosen = commands.chosen, &global = commands.global] {
    chosen = [file, &global] { return check(*file, global); };
  });
}

void add_show(CLI::App& family, Commands& commands) {
  CLI::App& command = add_command(family, "show", "Show the values in force, and where from",
                                  "troupe config show --config troupe.toml");
  auto file = std::make_shared<std::string>();
  auto flags = std::make_shared<std::map<std::string, std::string>>();
  command.add_option("--config", *file, "Read the configuration from FILE")->type_name("FILE");
  add_config_flags(command, *flags);
  command.callback([file, flags, &chosen = commands.chosen, &global = commands.global] {
    chosen = [file, flags, &global] {
      server::ConfigSources sources = sources_of(*file, global);
      sources.flags = *flags;
      return show(sources, global);
    };
  });
}

}  // namespace

void add_config_commands(Commands& commands) {
  CLI::App& family =
      add_family(commands.app, "config", "Check and show the configuration", "troupe config show");
  family.footer(server::config_help() + "\n" + family.get_footer());
  add_check(family, commands);
  add_show(family, commands);
}

}  // namespace troupe::cli
