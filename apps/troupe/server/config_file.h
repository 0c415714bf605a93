// Reads the TOML file into texts with positions; what they mean is the table's business.
#pragma once

#include "apps/troupe/server/config.h"
#include "runtime/base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::server {

struct Position {
  std::uint32_t line = 0;  // from 1
  std::uint32_t column = 0;

  auto operator<=>(const Position&) const = default;
};

struct FileValue {
  const Key* key;  // never null
  std::string text;
  Position at;
};

struct FileProblem {
  Position at;
  std::string message;
};

struct ConfigFile {
  std::vector<FileValue> values;
  std::vector<FileProblem> problems;  // syntax, unknown keys, types
};

/// Fails with `not_found` if the file cannot be read; faults in it are `problems`.
Result<ConfigFile> read_config_file(const std::string& path);

}  // namespace troupe::server
