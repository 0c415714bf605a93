// The tree of commands as data, for those who describe it: completion and usage errors.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11 names it so
class App;
}

namespace troupe::cli {

/// Sub-commands that people are shown, in the order they were added.
std::vector<const CLI::App*> commands_of(const CLI::App& app);

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands);

/// `troupe task log`.
std::string path_of(const CLI::App& app);

struct Switch {
  std::string name;  // `--follow` or `-f`
  std::string description;
  bool takes_value = false;
  std::vector<std::string> values;  // all that it takes, if they are known
};

/// The options of this command alone, each of their names one.
std::vector<Switch> switches_of(const CLI::App& app);

}  // namespace troupe::cli
