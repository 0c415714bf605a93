#include "runtime/transcode/json_schema.h"

#include "tests/runtime/transcode/sample.capnp.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace troupe {
namespace {

using namespace sample;

std::string schema_of(const transcode::ValueRules& rules) {
  JsonWriter json;
  json.begin_object();
  transcode::write_schema_keywords(json, rules);
  json.end_object();
  return json.take();
}

template <class T>
std::string schema_of() {
  return schema_of(transcode::struct_rules(capnp::Schema::from<T>()).self);
}

template <class T>
std::string schema_of(std::string_view field) {
  const auto& rules = transcode::struct_rules(capnp::Schema::from<T>());
  const auto found = rules.find(field);
  REQUIRE(found);
  return schema_of(rules.fields[*found].value);
}

TEST_CASE("each type has its JSON schema", "[transcode]") {
  CHECK(schema_of<Shapes>("nothing") == R"({"type":"null"})");
  CHECK(schema_of<Shapes>("yes") == R"({"type":"boolean"})");
  CHECK(schema_of<Shapes>("tiny") == R"({"type":"integer","minimum":-128,"maximum":127})");
  CHECK(schema_of<Shapes>("big") == R"({"type":"integer"})");
  CHECK(schema_of<Shapes>("unsigned") == R"({"type":"integer","minimum":0})");
  CHECK(schema_of<Shapes>("double") == R"({"type":"number"})");
  CHECK(schema_of<Shapes>("bytes") == R"({"type":"string","pattern":"^([0-9a-fA-F]{2})*$"})");
  CHECK(schema_of<Shapes>("colour") == R"({"type":"string","enum":["red","dark-blue"]})");
  CHECK(schema_of<Notes>("when") == R"({"type":"string","format":"date-time"})");
  CHECK(schema_of<Notes>("free") == R"({"type":"object"})");
  CHECK(schema_of<Anything>("value") == "{}");
  CHECK(schema_of<Anything>("mood") == R"({"type":"string","enum":["glad"]})");
}

TEST_CASE("a JSON schema has the limits", "[transcode]") {
  CHECK(schema_of<Limited>("word") == R"({"type":"string","pattern":"^[a-z]*$"})");
  CHECK(schema_of<Limited>("short") == R"({"type":"string","minLength":2,"maxLength":4})");
  CHECK(schema_of<Limited>("percent") == R"({"type":"integer","minimum":0,"maximum":100})");
  CHECK(schema_of<Limited>("words") ==
        R"({"type":"array","minItems":1,"maxItems":4,"uniqueItems":true,)"
        R"("items":{"type":"string","maxLength":3,"pattern":"^[a-z]+$"}})");
  CHECK(schema_of<Limited>("tags") == R"({"type":"object","maxProperties":2,)"
                                      R"("additionalProperties":{"type":"string","maxLength":3}})");
}

TEST_CASE("a struct's JSON schema knows its properties and no others", "[transcode]") {
  CHECK(schema_of<Circle>() ==
        R"({"type":"object","additionalProperties":false,"properties":{)"
        R"("radius":{"type":"integer","minimum":0,"maximum":9},"centre":{"type":"string"}},)"
        R"("required":["radius"]})");
  const std::string named = schema_of<Drawing>("named");
  CHECK(named.ends_with(R"("required":[],"minProperties":1,"maxProperties":1})"));
  CHECK(schema_of<Defaults>().find(R"("number":{"type":"integer","default":5})") !=
        std::string::npos);
  CHECK(schema_of<Defaults>().find(R"("default":{"a":1})") != std::string::npos);
}

TEST_CASE("the JSON schema of a union has one alternative for each kind", "[transcode]") {
  CHECK(schema_of<Figure>() ==
        R"({"oneOf":[{"type":"object","additionalProperties":false,"properties":{)"
        R"("kind":{"type":"string","enum":["circle"]},)"
        R"("radius":{"type":"integer","minimum":0,"maximum":9},"centre":{"type":"string"}},)"
        R"("required":["kind","radius"]},)"
        R"({"type":"object","additionalProperties":false,"properties":{)"
        R"("kind":{"type":"string","enum":["right-angled"]},)"
        R"("side":{"type":"integer","minimum":0,"maximum":65535}},"required":["kind"]}]})");
}

}  // namespace
}  // namespace troupe
