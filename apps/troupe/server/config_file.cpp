#include "apps/troupe/server/config_file.h"

#include "apps/troupe/server/config_value.h"
#include "apps/troupe/server/files.h"
#include "runtime/transcode/faults.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace troupe::server {
namespace {

class Reader {
 public:
  explicit Reader(ConfigFile& file) : file_(file) {
    for (const Key& key : config_keys()) known_.push_back(key.name);
  }

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [toml_key, node] : table) {
      read_entry(prefix + std::string(toml_key.str()), toml_key.source().begin, node);
    }
  }

  void add_problem(const toml::source_position& at, std::string message) {
    file_.problems.push_back({{at.line, at.column}, std::move(message)});
  }

 private:
  void read_entry(const std::string& name,
                  const toml::source_position& at,
                  const toml::node& node) {
    const Key* key = find_key(name);
    if (key != nullptr) return read_value(*key, node);
    const bool section = std::any_of(known_.begin(), known_.end(), [&name](const auto& known) {
      return known.starts_with(name + '.');
    });
    const toml::table* table = node.as_table();
    if (table != nullptr && (section || !table->empty())) return read_table(*table, name + '.');
    if (section) return add_problem(at, name + " is a section: write [" + name + "]");
    if (is_planned_key(name)) {
      return add_problem(at, name + " is not built yet in this version: leave it out");
    }
    const std::string_view near = transcode::nearest_name(name, known_);
    add_problem(at, fmt::format("unknown key {}{}", name,
                                near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }

  void read_value(const Key& key, const toml::node& node) {
    const auto& at = node.source().begin;
    std::string text;
    if (const auto* string = node.as_string(); string != nullptr && takes_text(key)) {
      text = string->get();
    } else if (const auto* integer = node.as_integer(); integer != nullptr && takes_integer(key)) {
      text = std::to_string(integer->get());
    } else if (const auto* boolean = node.as_boolean(); boolean != nullptr && takes_boolean(key)) {
      text = boolean->get() ? "true" : "false";
    } else {
      std::ostringstream type;
      type << node.type();
      return add_problem(at, fmt::format("{} expects {}, not a value of type {}", key.name,
                                         expectation(key), type.str()));
    }
    file_.values.push_back({&key, std::move(text), {at.line, at.column}});
  }

  ConfigFile& file_;
  std::vector<std::string_view> known_;
};

}  // namespace

Result<ConfigFile> read_config_file(const std::string& path) {
  auto contents = read_file(path);
  if (!contents) return std::move(contents).error();

  ConfigFile file;
  Reader reader(file);
  try {
    reader.read_table(toml::parse(contents.value(), path), "");
  } catch (const toml::parse_error& error) {
    reader.add_problem(error.source().begin, std::string(error.description()));
  }
  return file;
}

}  // namespace troupe::server
