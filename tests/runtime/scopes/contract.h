// The published vectors of scope arithmetic, where TROUPE_CONTRACT_DIR names their folder.
#pragma once

#include <rapidjson/document.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace troupe::contract {

/// The folder of the published contract; nothing if there is none to test against.
inline std::optional<std::string> folder() {
  const char* name = std::getenv("TROUPE_CONTRACT_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (name == nullptr || *name == '\0') return std::nullopt;
  return name;
}

/// A file of the folder, parsed; not an object or array if it cannot be read.
inline rapidjson::Document read(const std::string& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  rapidjson::Document document;
  document.Parse(text.str().c_str());
  return document;
}

inline std::vector<std::string> texts(const rapidjson::Value& array) {
  std::vector<std::string> all;
  for (const auto& item : array.GetArray()) {
    all.emplace_back(item.GetString(), item.GetStringLength());
  }
  return all;
}

}  // namespace troupe::contract
