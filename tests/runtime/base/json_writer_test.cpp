#include "runtime/base/json_writer.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>

namespace troupe {
namespace {

TEST_CASE("JSON is written piece by piece", "[json]") {
  JsonWriter json;
  json.begin_object();
  json.key("text").string("a\"\n").key("none").null().key("yes").boolean(true);
  json.key("raw").raw(R"({"x": 1})").key("list").begin_array();
  json.int64(std::numeric_limits<std::int64_t>::min());
  json.uint64(std::numeric_limits<std::uint64_t>::max());
  json.number(0.1).number(5).number(std::numeric_limits<double>::infinity()).raw("[]");
  json.end_array().key("").string({}).end_object();
  CHECK(json.take() ==
        R"({"text":"a\"\n","none":null,"yes":true,"raw":{"x": 1},)"
        R"("list":[-9223372036854775808,18446744073709551615,0.1,5,null,[]],"":""})");
}

TEST_CASE("a writer can be used again", "[json]") {
  JsonWriter json;
  CHECK(json.begin_array().end_array().take() == "[]");
  CHECK(json.begin_object().end_object().take() == "{}");
}

TEST_CASE("text that is not UTF-8 is still written as JSON", "[json]") {
  JsonWriter json;
  CHECK(json.string("a\xff").take() == "\"a\uFFFD\"");
}

}  // namespace
}  // namespace troupe
