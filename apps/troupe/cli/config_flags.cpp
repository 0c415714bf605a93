#include "apps/troupe/cli/config_flags.h"

#include "apps/troupe/server/config.h"
#include "apps/troupe/server/config_value.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdlib>
#include <filesystem>

namespace troupe::cli {
namespace {

constexpr const char* usual_data_dir = "troupe-data";

// What was said, on the command line or in the environment; empty: nothing.
std::string named_data_dir(const GlobalOptions& global) {
  if (!global.find.data_dir.empty()) return global.find.data_dir;
  const char* variable = std::getenv("TROUPE_DATA");  // NOLINT(concurrency-mt-unsafe): at start
  return variable == nullptr ? "" : variable;
}

}  // namespace

std::string own_data_dir(const GlobalOptions& global) {
  const std::string named = named_data_dir(global);
  return named.empty() ? usual_data_dir : named;
}

std::string running_data_dir(const GlobalOptions& global) {
  std::string named = named_data_dir(global);
  if (!named.empty()) return named;
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::path dir = fs::current_path(error); !dir.empty(); dir = dir.parent_path()) {
    const fs::path candidate = dir / usual_data_dir;
    if (fs::exists(candidate, error)) return candidate.string();
    if (dir == dir.root_path()) break;
  }
  const std::string system = client::Environment::of_process().system_dir;
  return fs::exists(system, error) ? system : usual_data_dir;
}

void add_config_flags(CLI::App& command, std::map<std::string, std::string>& values) {
  for (const server::Key& key : server::config_keys()) {
    if (key.flag.empty()) continue;
    command
        .add_option_function<std::string>(
            std::string(key.flag),
            [&values, name = std::string(key.name)](const std::string& text) {
              values[name] = text;
            },
            std::string(key.doc))
        ->type_name(server::type_name(key));
  }
}

}  // namespace troupe::cli
