// What was wrong with a command line, in one line that helps.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace troupe::cli {

/// The first unknown command or option of `arguments`, with the nearest known name; an argument too
/// many; an option without its value; a missing sub-command, with those there are; else
/// `parser_message` with the command it is about.
std::string usage_error(const CLI::App& root,
                        const std::vector<std::string>& arguments,
                        const std::string& parser_message);

/// The same for a command line that asks for help: the first unknown command or option, whose help
/// there is not; empty if there is none.
std::string help_error(const CLI::App& root, const std::vector<std::string>& arguments);

}  // namespace troupe::cli
