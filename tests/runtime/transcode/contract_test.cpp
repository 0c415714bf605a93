// Our limits of a task's definition against those of the published JSON schema.
#include "runtime/transcode/json.h"
#include "runtime/transcode/rules.h"
#include "runtime/transcode/tape.h"
#include "schema/api/queue.capnp.h"

#include <catch2/catch.hpp>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <re2/re2.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

namespace troupe {
namespace {

using transcode::FieldRules;
using transcode::Limits;
using transcode::Shape;
using transcode::StructRules;
using transcode::ValueRules;
using Json = rapidjson::Value;

// The published schemas of one folder, each read once.
class Schemas {
 public:
  explicit Schemas(std::string folder) : folder_(std::move(folder)) {}

  const Json& file(const std::string& name) {
    auto& document = files_[name];
    if (!document.IsNull()) return document;
    std::ifstream stream(folder_ + "/" + name);
    std::ostringstream text;
    text << stream.rdbuf();
    document.Parse(text.str().c_str());
    INFO(folder_ << "/" << name);
    REQUIRE(document.IsObject());
    return document;
  }

  // What `{"$ref": "task.json#/properties/tags"}` stands for; other schemas are themselves.
  const Json& resolve(const Json& schema) {
    if (!schema.HasMember("$ref")) return schema;
    const std::string target = schema["$ref"].GetString();
    const auto hash = target.find('#');
    const Json* at = &file(target.substr(0, hash));
    std::istringstream path(target.substr(hash + 1));
    for (std::string part; std::getline(path, part, '/');) {
      if (!part.empty()) at = &(*at)[part.c_str()];
    }
    return *at;
  }

 private:
  std::string folder_;
  std::map<std::string, rapidjson::Document> files_;
};

std::int64_t number(const Json& schema, const char* name, std::int64_t otherwise) {
  return schema.HasMember(name) ? schema[name].GetInt64() : otherwise;
}

// Two patterns are the same if they are spelled so, or if they agree on short texts.
bool same_pattern(const std::string& ours, const std::string& theirs) {
  if (ours == theirs) return true;
  const re2::RE2 a(ours);
  const re2::RE2 b(theirs);
  for (int first = 0; first < 128; ++first) {
    for (int second = 0; second < 128; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      if (re2::RE2::PartialMatch(text, a) != re2::RE2::PartialMatch(text, b)) return false;
    }
  }
  return true;
}

void check_pattern(const ValueRules& rules, const Json& schema) {
  REQUIRE((rules.pattern != nullptr) == schema.HasMember("pattern"));
  if (rules.pattern == nullptr) return;
  CHECK(same_pattern(rules.pattern->pattern(), schema["pattern"].GetString()));
}

void check_limits(const std::optional<Limits>& ours,
                  const Json& schema,
                  const char* min,
                  const char* max) {
  const Limits limits = ours.value_or(Limits{});
  CHECK(limits.min == number(schema, min, 0));
  CHECK(limits.max == number(schema, max, Limits{}.max));
}

void check_text(const ValueRules& rules, const Json& schema) {
  check_pattern(rules, schema);
  check_limits(rules.length, schema, "minLength", "maxLength");
}

void check_struct(Schemas& schemas, const StructRules& rules, const Json& schema);

void check_value(Schemas& schemas, const ValueRules& rules, const Json& schema) {
  const std::string type = schema["type"].GetString();
  switch (rules.shape) {
    case Shape::text: return check_text(rules, schema);
    case Shape::date_time: CHECK(schema["format"] == "date-time"); return;
    case Shape::json_text: CHECK(type == "object"); return;
    case Shape::signed_integer:
      CHECK(type == "integer");
      CHECK(rules.signed_range.min == schema["minimum"].GetInt64());
      CHECK(rules.signed_range.max == schema["maximum"].GetInt64());
      return;
    case Shape::enumerant: {
      std::set<std::string> theirs;
      for (const auto& name : schema["enum"].GetArray()) theirs.insert(name.GetString());
      const auto& ours = rules.enumeration->names;
      CHECK(std::set<std::string>(ours.begin(), ours.end()) == theirs);
      return;
    }
    case Shape::structure: return check_struct(schemas, *rules.structure, schema);
    case Shape::list:
      CHECK(type == "array");
      check_limits(rules.items, schema, "minItems", "maxItems");
      CHECK(rules.unique == (schema.HasMember("uniqueItems") && schema["uniqueItems"].GetBool()));
      return check_value(schemas, *rules.item, schema["items"]);
    case Shape::map:
      CHECK(type == "object");
      return check_value(schemas, *rules.item, schema["additionalProperties"]);
    default: FAIL("a shape that no definition has");
  }
}

void check_default(const FieldRules& rules, const Json& schema) {
  // A default that the type refuses means that the field must be given.
  if (rules.required) return;
  REQUIRE((rules.fallback != nullptr) == schema.HasMember("default"));
  if (rules.fallback == nullptr) return;
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  schema["default"].Accept(writer);
  const transcode::Tape& ours = *rules.fallback;
  CHECK(ours.source() == buffer.GetString());
}

void check_struct(Schemas& schemas, const StructRules& rules, const Json& schema) {
  std::set<std::string> required;
  for (const auto& name : schema["required"].GetArray()) required.insert(name.GetString());
  std::set<std::string> theirs;
  for (const auto& property : schema["properties"].GetObject()) {
    theirs.insert(property.name.GetString());
  }
  for (const FieldRules& field : rules.fields) {
    INFO(field.name);
    REQUIRE(theirs.erase(field.name) == 1);
    CHECK(field.required == (required.count(field.name) == 1));
    const Json& property = schema["properties"][field.name.c_str()];
    check_default(field, property);
    check_value(schemas, field.value, schemas.resolve(property));
  }
  CHECK(theirs.empty());
}

TEST_CASE("the limits of a definition are those of the published schema", "[contract]") {
  // One thread, and nobody changes the environment.
  const char* folder = std::getenv("TROUPE_CONTRACT_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published schemas");
    return;
  }
  Schemas schemas(std::string(folder) + "/schemas/queue/v1");
  const auto& rules = transcode::struct_rules(capnp::Schema::from<schema::TaskDefinition>());
  check_struct(schemas, rules, schemas.file("create-task-request.json"));
}

}  // namespace
}  // namespace troupe
