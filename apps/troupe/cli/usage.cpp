#include "apps/troupe/cli/usage.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/command_tree.h"
#include "apps/troupe/group_file/problems.h"

#include <CLI/App.hpp>

#include <string_view>

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

std::string quoted(const std::string& word) {
  return '"' + word + '"';
}

// How many words besides options the command itself takes.
int words_max(const CLI::App& app) {
  int words = 0;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    if (option->get_items_expected_max() >= CLI::detail::expected_max_vector_size) {
      return CLI::detail::expected_max_vector_size;
    }
    words += option->get_items_expected_max();
  }
  return words;
}

// What is wrong with a word that no sub-command of `app` has as its name; empty: nothing. `words`:
// how many came before it.
std::string stray_word(const CLI::App& app, const std::string& word, int words) {
  if (words < words_max(app)) return {};
  const std::vector<const CLI::App*> children = commands_of(app);
  if (children.empty()) return "unexpected argument " + quoted(word);
  return "unknown command " + quoted(word) + group_file::nearest_hint(word, names_of(children));
}

// The parser's words for a value that is no number, in ours.
std::string reworded(const std::string& message) {
  constexpr std::string_view start = "Could not convert: ";
  const auto equals = message.find(" = ");
  if (!message.starts_with(start) || equals == std::string::npos) return message;
  const std::string option = message.substr(start.size(), equals - start.size()) + ": ";
  const std::string value = message.substr(equals + 3);
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
  return option + (digits ? value + " is too large" : "a whole number, not " + quoted(value));
}

// Where the arguments lead, and the first of them that leads nowhere.
struct Walk {
  const CLI::App* at = nullptr;
  std::string problem;
};

// What is wrong with an option by itself; else whether the next argument is its value.
std::string option_problem(const CLI::App& app,
                           const std::string& argument,
                           bool last,
                           bool& next) {
  const std::string name = option_name(argument);
  const CLI::Option* option = find_option(&app, name);
  if (option == nullptr) {
    return "unknown option " + name + group_file::nearest_hint(name, all_options(&app));
  }
  next = takes_next(*option, argument);
  const bool without = (next && last) || (argument.starts_with("--") && argument.ends_with('=') &&
                                          argument.size() == name.size() + 1);
  return without ? name + " needs a value" : std::string();
}

Walk walk(const CLI::App& root, const std::vector<std::string>& arguments) {
  Walk result{&root, {}};
  int words = 0;
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() > 1 && argument.starts_with('-')) {
      bool next = false;
      result.problem = option_problem(*result.at, argument, i + 1 == arguments.size(), next);
      if (!result.problem.empty()) return result;
      if (next) ++i;
      continue;
    }
    const CLI::App* child = nullptr;
    for (const CLI::App* one : commands_of(*result.at)) {
      if (one->get_name() == argument) child = one;
    }
    if (child != nullptr) {
      result.at = child;
      words = 0;
      continue;
    }
    result.problem = stray_word(*result.at, argument, words++);
    if (!result.problem.empty()) return result;
    // What follows the first word of a command to run is that command's.
    if (result.at->get_positionals_at_end()) return result;
  }
  return result;
}

// The problem of a walk as a line; empty if there is none.
std::string complaint(const CLI::App& root, const Walk& found, const std::string& problem) {
  if (problem.empty()) return {};
  const std::string path = path_of(*found.at);
  // The caller puts the program's name in front.
  const std::string where =
      found.at == &root ? std::string() : path.substr(path.find(' ') + 1) + ": ";
  return where + problem + "; see `" + path + " --help`";
}

}  // namespace

std::string usage_error(const CLI::App& root,
                        const std::vector<std::string>& arguments,
                        const std::string& parser_message) {
  const Walk found = walk(root, arguments);
  if (!found.problem.empty()) return complaint(root, found, found.problem);
  if (found.at->get_require_subcommand_min() > 0) {
    return complaint(root, found,
                     "a command is missing: " + join(names_of(commands_of(*found.at))));
  }
  return complaint(root, found, reworded(parser_message.substr(0, parser_message.find('\n'))));
}

std::string help_error(const CLI::App& root, const std::vector<std::string>& arguments) {
  const Walk found = walk(root, arguments);
  return complaint(root, found, found.problem);
}

}  // namespace troupe::cli
