// Group files to definitions with ids and times that tests can predict.
#pragma once

#include "apps/troupe/group_file/group_file.h"

#include <catch2/catch.hpp>
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <map>
#include <string>
#include <vector>

namespace troupe::group_file::test {

inline const Instant noon = *parse_time("2026-01-31T12:00:00Z");

/// Ids in the order they are asked for; each looks like a task id.
inline std::string numbered_id(int n) {
  std::string id = "AAAAAAAAQAAAAAAAAAAAAA";
  id[0] = static_cast<char>('A' + n % 26);
  id[1] = static_cast<char>('A' + n / 26);
  return id;
}

inline ExpandOptions options() {
  ExpandOptions o;
  o.now = noon;
  o.group_id = "GGGGGGGGQGGGGGGGGGGGGG";
  o.owner = "me@example.com";
  o.source = "https://example.com/repo";
  o.new_id = [n = 0]() mutable { return numbered_id(n++); };
  return o;
}

inline std::string to_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return buffer.GetString();
}

/// The definitions of a file that must be right, by name.
class Expanded {
 public:
  explicit Expanded(std::string_view text, const ExpandOptions& expand_options = options()) {
    const auto file = parse(text, "troupe.yml");
    INFO((file.ok() ? "" : file.error().detail));
    REQUIRE(file.ok());
    const auto expanded = expand(file.value(), expand_options);
    INFO((expanded.ok() ? "" : expanded.error().detail));
    REQUIRE(expanded.ok());
    tasks = expanded.value();
    for (const ExpandedTask& task : tasks) {
      definitions[task.name].Parse(task.definition_json.c_str());
      REQUIRE_FALSE(definitions[task.name].HasParseError());
      ids[task.name] = task.task_id;
    }
  }

  /// The JSON at a path such as `/payload/env/A` of a task; empty if there is nothing.
  std::string at(const std::string& name, const char* path) {
    REQUIRE(definitions.count(name) == 1);
    const rapidjson::Value* value = rapidjson::Pointer(path).Get(definitions[name]);
    return value == nullptr ? "" : to_text(*value);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const ExpandedTask& task : tasks) all.push_back(task.name);
    return all;
  }

  std::vector<ExpandedTask> tasks;
  std::map<std::string, rapidjson::Document> definitions;
  std::map<std::string, std::string> ids;
};

/// What is wrong with a file; empty if nothing is.
inline std::string errors_of(std::string_view text) {
  const auto file = parse(text, "f");
  if (file.ok()) return "";
  CHECK(file.error().code == Errc::invalid);
  return file.error().detail;
}

}  // namespace troupe::group_file::test
