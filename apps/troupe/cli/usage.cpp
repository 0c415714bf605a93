#include "apps/troupe/cli/usage.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/command_tree.h"
#include "apps/troupe/group_file/problems.h"

#include <CLI/App.hpp>

namespace troupe::cli {
namespace {

const CLI::Option* find_option(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

std::vector<std::string> all_options(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const Switch& one : switches_of(*app)) names.push_back(one.name);
  }
  return names;
}

// `--grep=x` is `--grep`; `-fn` begins with `-f`.
std::string option_name(const std::string& argument) {
  if (argument.starts_with("--")) return argument.substr(0, argument.find('='));
  return argument.substr(0, 2);
}

bool takes_next(const CLI::Option& option, const std::string& argument) {
  if (option.get_items_expected_max() == 0) return false;
  return argument.starts_with("--") ? argument.find('=') == std::string::npos
                                    : argument.size() == 2;
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Where the arguments lead, and the first of them that leads nowhere.
struct Walk {
  const CLI::App* at = nullptr;
  std::string problem;
};

Walk walk(const CLI::App& root, const std::vector<std::string>& arguments) {
  Walk result{&root, {}};
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() > 1 && argument.starts_with('-')) {
      const CLI::Option* option = find_option(result.at, option_name(argument));
      if (option == nullptr) {
        result.problem = "unknown option " + option_name(argument) +
                         group_file::nearest_hint(option_name(argument), all_options(result.at));
        return result;
      }
      if (takes_next(*option, argument)) ++i;
      continue;
    }
    const std::vector<const CLI::App*> children = commands_of(*result.at);
    const CLI::App* next = nullptr;
    for (const CLI::App* child : children) next = child->get_name() == argument ? child : next;
    if (next == nullptr && result.at->get_require_subcommand_min() > 0) {
      result.problem = "unknown command \"" + argument + "\"" +
                       group_file::nearest_hint(argument, names_of(children));
      return result;
    }
    if (next != nullptr) result.at = next;
  }
  return result;
}

}  // namespace

std::string usage_error(const CLI::App& root,
                        const std::vector<std::string>& arguments,
                        const std::string& parser_message) {
  const Walk found = walk(root, arguments);
  const std::string path = path_of(*found.at);
  const std::string help = "see `" + path + " --help`";
  // The caller puts the program's name in front.
  const std::string where =
      found.at == &root ? std::string() : path.substr(path.find(' ') + 1) + ": ";
  if (!found.problem.empty()) return where + found.problem + "; " + help;
  if (found.at->get_require_subcommand_min() > 0) {
    return where + "a command is missing: " + join(names_of(commands_of(*found.at))) + "; " + help;
  }
  const std::string first_line = parser_message.substr(0, parser_message.find('\n'));
  return where + first_line + "; " + help;
}

}  // namespace troupe::cli
