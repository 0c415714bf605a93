#include "runtime/base/json_writer.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>

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

TEST_CASE("what JSON cannot hold in a string is escaped", "[json]") {
  JsonWriter json;
  std::string all;
  for (char c = 0; c < 0x20; ++c) all += c;
  CHECK(json.string(all).take() ==
        R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000B\f\r\u000E\u000F)"
        R"(\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001A\u001B\u001C\u001D)"
        R"(\u001E\u001F")");
  CHECK(json.string("\"\\/\x7f\u00e9").take() == "\"\\\"\\\\/\x7f\u00e9\"");
  CHECK(json.begin_object().key("a\"").null().end_object().take() == R"({"a\"":null})");
}

TEST_CASE("values of lists and objects are separated", "[json]") {
  JsonWriter json;
  json.begin_array().begin_array().end_array().begin_object().end_object().raw("1").null();
  json.begin_object().key("a").begin_array().end_array().key("b").begin_object().end_object();
  json.end_object().boolean(false).end_array();
  CHECK(json.take() == R"([[],{},1,null,{"a":[],"b":{}},false])");
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
