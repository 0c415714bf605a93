#include "apps/troupe/cli/command_tree.h"

#include "apps/troupe/cli/command.h"

#include <CLI/App.hpp>

#include <algorithm>
#include <string_view>

namespace troupe::cli {
namespace {

// The words of `debug|info`; none of anything else.
std::vector<std::string> values_of(std::string_view type_name) {
  std::vector<std::string> values;
  if (type_name.find('|') == std::string_view::npos) return values;
  for (std::size_t begin = 0; begin <= type_name.size();) {
    const std::size_t end = std::min(type_name.find('|', begin), type_name.size());
    values.emplace_back(type_name.substr(begin, end - begin));
    begin = end + 1;
  }
  return values;
}

// Option groups are nameless apps: what is in them belongs to the command around.
void collect_switches(const CLI::App& app, std::vector<Switch>& switches) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    const bool takes_value = option->get_items_expected_max() > 0;
    const auto values = values_of(option->get_type_name());
    for (const std::string& name : option->get_snames()) {
      switches.push_back({"-" + name, option->get_description(), takes_value, values});
    }
    for (const std::string& name : option->get_lnames()) {
      switches.push_back({"--" + name, option->get_description(), takes_value, values});
    }
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (child->get_name().empty()) collect_switches(*child, switches);
  }
}

}  // namespace

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> commands;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!child->get_name().empty() && !child->get_group().empty()) commands.push_back(child);
  }
  return commands;
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

std::vector<Switch> switches_of(const CLI::App& app) {
  std::vector<Switch> switches;
  collect_switches(app, switches);
  return switches;
}

CLI::App& add_command(CLI::App& parent,
                      const std::string& name,
                      const std::string& description,
                      const std::string& example) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->footer(
      "Global options (--json, --data, --rpc, --root-url): see `troupe --help`\n\nExample:\n  " +
      example);
  return *command;
}

CLI::App& add_family(CLI::App& parent,
                     const std::string& name,
                     const std::string& description,
                     const std::string& example) {
  CLI::App& family = add_command(parent, name, description, example);
  family.require_subcommand(1);
  return family;
}

void set_action(Commands& commands, CLI::App& command, std::function<int()> action) {
  command.callback([&chosen = commands.chosen, action = std::move(action)] { chosen = action; });
}

}  // namespace troupe::cli
