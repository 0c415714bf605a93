// Reading JSON strictly: every error is collected with its path, and unknown fields are errors.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::worker {

/// Errors of one document, at most `errors_max`; what is beyond is counted only.
class JsonErrors {
 public:
  static constexpr std::size_t errors_max = 100;

  void add(const std::string& path, std::string_view what);
  bool empty() const { return lines_.empty(); }
  /// One error a line: `payload.command[0]: must be an array`.
  std::string text() const;

 private:
  std::vector<std::string> lines_;
  std::size_t dropped_ = 0;
};

/// One JSON object. Ask for every field that is known, then call `finish`.
class JsonFields {
 public:
  /// Anything but an object is an error, and has no fields.
  JsonFields(const rapidjson::Value& value, std::string path, JsonErrors& errors);

  /// The field, or nothing if absent.
  const rapidjson::Value* take(const char* name);
  /// The same; absence is an error.
  const rapidjson::Value* require(const char* name);

  std::optional<std::string> text(const char* name);
  std::optional<std::string> required_text(const char* name);
  bool flag(const char* name, bool otherwise);

  /// Reports the fields that nobody asked for, naming the known ones.
  void finish();

  std::string path_of(const char* name) const { return path_ + "." + name; }
  JsonErrors& errors() { return errors_; }
  const std::string& path() const { return path_; }

 private:
  const rapidjson::Value* object_ = nullptr;  // borrowed
  std::string path_;
  JsonErrors& errors_;
  std::set<std::string, std::less<>> known_;
};

/// The text of a JSON string without NUL characters; anything else is an error.
std::optional<std::string> json_text(const rapidjson::Value& value,
                                     const std::string& path,
                                     JsonErrors& errors);

struct IntegerRange {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// An integer in `range`, both ends included; anything else is an error.
std::optional<std::int64_t> json_integer(const rapidjson::Value& value,
                                         IntegerRange range,
                                         const std::string& path,
                                         JsonErrors& errors);

}  // namespace troupe::worker
