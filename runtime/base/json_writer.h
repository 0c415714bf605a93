// Writes compact JSON piece by piece, without RapidJSON in a header.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// JSON under construction. The caller keeps the order that JSON has: inside an object a key before
/// each value, one value at the top. Example:
///
///   JsonWriter json;
///   json.begin_object().key("runId").int64(0).key("status").raw(to_json(status)).end_object();
///   std::string text = json.take();
class JsonWriter {
 public:
  JsonWriter();
  ~JsonWriter();
  JsonWriter(JsonWriter&&) noexcept;
  JsonWriter& operator=(JsonWriter&&) noexcept;

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  /// Bytes that are not UTF-8 become U+FFFD: the result is always JSON.
  JsonWriter& string(std::string_view text);
  JsonWriter& int64(std::int64_t value);
  JsonWriter& uint64(std::uint64_t value);
  /// In the fewest digits that read back the same; `null` if it is not finite.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// One whole value that is JSON already.
  JsonWriter& raw(std::string_view json);

  /// What was written; the writer is empty again.
  std::string take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace troupe
