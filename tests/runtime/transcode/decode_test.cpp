#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using namespace sample;

TEST_CASE("what was written is read again", "[transcode]") {
  const std::string json =
      R"({"last":"\u0001","first":"\u00e9\ud83d\ude00","nothing":null,"yes":true,"tiny":-128,)"
      R"("big":-9223372036854775808,"unsigned":18446744073709551615,"single":0.1,"double":1e+300,)"
      R"("bytes":"00abff","colour":"dark-blue","inner":{"key":"k","value":""},)"
      R"("lists":[[0,-7],[]],"pairs":[{"key":"","value":"v"}],"colours":["dark-blue","red"],)"
      R"("place":{"x":0,"y":3}})";
  Message<Shapes> message(json);
  REQUIRE(describe(message.errors).empty());
  CHECK(message.root.getFirst() == "\u00e9\U0001F600");
  CHECK(message.root.getBig() == std::numeric_limits<std::int64_t>::min());
  CHECK(message.root.getUnsigned() == std::numeric_limits<std::uint64_t>::max());
  CHECK(message.root.getSingle() == 0.1F);
  CHECK(message.root.getBytes().size() == 3);
  CHECK(message.root.getLists()[0][1] == -7);
  CHECK(message.root.getPlace().getY() == 3);
  CHECK(rewritten<Shapes>(message.json()) == message.json());
}

TEST_CASE("what is left out is cleared", "[transcode]") {
  Message<Shapes> message(R"({"first":"f","inner":{"key":"k"},"place":{"x":1,"y":2}})");
  REQUIRE(message.errors.empty());
  CHECK(from_json(R"({"place":{"x":5}})", message.root).empty());
  CHECK_FALSE(message.root.hasFirst());
  CHECK_FALSE(message.root.hasInner());
  CHECK(message.root.getPlace().getX() == 5);
  CHECK(message.root.getPlace().getY() == 0);
}

TEST_CASE("integers are read however they are written", "[transcode]") {
  CHECK(Message<Shapes>(R"({"big":5.0})").root.getBig() == 5);
  CHECK(Message<Shapes>(R"({"big":-2e3})").root.getBig() == -2000);
  CHECK(Message<Shapes>(R"({"big":-0})").root.getBig() == 0);
  CHECK(Message<Shapes>(R"({"unsigned":-0})").root.getUnsigned() == 0);
  CHECK(faults<Shapes>(R"({"tiny":128})") == "tiny: must be from -128 to 127, not 128");
  CHECK(faults<Shapes>(R"({"unsigned":-1})") ==
        "unsigned: must be from 0 to 18446744073709551615, not -1");
  CHECK(faults<Shapes>(R"({"big":9223372036854775808})") ==
        "big: must be from -9223372036854775808 to 9223372036854775807, not 9223372036854775808");
  CHECK(faults<Shapes>(R"({"big":1.5})") == "big: must be an integer, not 1.5");
}

TEST_CASE("numbers outside of a float are refused", "[transcode]") {
  CHECK(faults<Shapes>(R"({"single":1e39})") ==
        "single: must be a number within the range of floating point");
  CHECK(Message<Shapes>(R"({"double":1.7976931348623157e308})").root.getDouble() ==
        std::numeric_limits<double>::max());
}

TEST_CASE("values of another type are named, all of them", "[transcode]") {
  CHECK(faults<Shapes>(R"({"first":1,"nothing":0,"yes":"true","tiny":"1","double":"1","bytes":5,)"
                       R"("colour":0,"inner":[],"lists":{},"pairs":["a"],"place":null})") ==
        "first: must be a string, not a number\n"
        "nothing: must be null, not a number\n"
        "yes: must be true or false, not a string\n"
        "tiny: must be an integer, not a string\n"
        "double: must be a number, not a string\n"
        "bytes: must be hexadecimal digits, not a number\n"
        "colour: must be one of \"red\", \"dark-blue\", not a number\n"
        "inner: must be an object, not a list\n"
        "lists: must be a list, not an object\n"
        "pairs[0]: must be an object, not a string\n"
        "place: must be an object, not null");
  CHECK(faults<Shapes>(R"({"bytes":"abc"})") ==
        "bytes: must be hexadecimal digits, two for each byte");
  CHECK(faults<Shapes>(R"({"bytes":"zz"})") ==
        "bytes: must be hexadecimal digits, two for each byte");
  CHECK(faults<Shapes>(R"({"colours":["red","green"]})") ==
        "colours[1]: must be one of \"red\", \"dark-blue\", not \"green\"");
  CHECK(faults<Shapes>("[]") == "must be an object, not a list");
  CHECK(faults<Shapes>("null") == "must be an object, not null");
}

TEST_CASE("unknown fields are named with what was probably meant", "[transcode]") {
  CHECK(faults<Shapes>(R"({"color":"red"})") ==
        "unknown field \"color\"; did you mean \"colour\"?");
  CHECK(faults<Shapes>(R"({"FIRST":""})") == "unknown field \"FIRST\"; did you mean \"first\"?");
  CHECK(faults<Shapes>(R"({"inner":{"values":{"key":{}}}})") ==
        "inner: unknown field \"values\"; did you mean \"value\"?");
  CHECK(faults<Shapes>(R"({"something else":[[{}]]})") == "unknown field \"something else\"");
  CHECK(faults<Shapes>("{\"\\u001b\":1}") == "unknown field \"\\u001b\"");
}

TEST_CASE("of a name that is there more than once the last value counts", "[transcode]") {
  Message<Shapes> shapes(R"({"first":7,"first":"a","first":"b"})");
  REQUIRE(describe(shapes.errors).empty());
  CHECK(shapes.root.getFirst() == "b");
  CHECK(faults<Shapes>(R"({"first":"a","first":7})") == "first: must be a string, not a number");
  Message<Notes> notes(R"({"tags":{"a":"1","b":"2","a":"3"}})");
  REQUIRE(notes.root.getTags().size() == 2);
  CHECK(notes.root.getTags()[0].getKey() == "b");
  CHECK(notes.root.getTags()[1].getValue() == "3");
}

TEST_CASE("annotated shapes are read", "[transcode]") {
  Message<Notes> message(R"({"other-name":"r", "free" : { "a b" : [ 1.50, "x \" y" ] ,"c":{}},
      "when": "2026-01-31T09:00:00.0009+01:00", "whens": ["1970-01-01T00:00:00.001Z"],
      "tags": {"b": "1", "a": ""}, "counts": {"n": 2}})");
  REQUIRE(describe(message.errors).empty());
  CHECK(message.root.getRenamed() == "r");
  CHECK(message.root.getFree() == R"({"a b":[1.50,"x \" y"],"c":{}})");
  CHECK(message.root.getWhen() == 1'769'846'400'000);
  CHECK(message.root.getWhens()[0] == 1);
  CHECK(message.root.getTags()[0].getKey() == "b");
  CHECK(message.root.getTags()[1].getKey() == "a");
  CHECK(message.root.getCounts()[0].getValue() == 2);
  CHECK(faults<Notes>(R"({"renamed":""})") == "unknown field \"renamed\"");
}

TEST_CASE("free-form text keeps its numbers and its strings as they are", "[transcode]") {
  const std::string free = R"({"n":[123456789012345678901234567890,1.10,-0,1E5,0.1e-7],)"
                           R"("s":"\u0041\/\ud83d\ude00","s":1})";
  Message<Notes> message("{\"free\":" + free + "}");
  REQUIRE(describe(message.errors).empty());
  CHECK(message.root.getFree() == free.c_str());
}

TEST_CASE("annotated shapes of another type are faults", "[transcode]") {
  CHECK(faults<Notes>(R"({"free":[],"when":5,"whens":["x"],"tags":[],"counts":{"a b":"1"}})") ==
        "free: must be an object, not a list\n"
        "when: must be a date and time, not a number\n"
        "whens[0]: \"x\" is not a date and time such as 2026-01-31T08:00:00.000Z\n"
        "tags: must be an object, not a list\n"
        "counts[\"a b\"]: must be an integer, not a string");
  CHECK(faults<Notes>(R"({"when":"0000-01-01T00:00:00+00:01"})").find("is not a date") !=
        std::string::npos);
}

TEST_CASE("beside a fault the rest is read", "[transcode]") {
  Message<Shapes> message(
      R"({"first":"f","tiny":1000,"colours":5,"unknown":1,"big":7,"inner":{"key":1,"value":"v"}})");
  CHECK(message.errors.size() == 4);
  CHECK(message.root.getFirst() == "f");
  CHECK(message.root.getBig() == 7);
  CHECK(message.root.getInner().getValue() == "v");
}

TEST_CASE("defaults are filled in", "[transcode]") {
  CHECK(rewritten<Defaults>("{}") ==
        R"({"text":"none","number":5,"colour":"dark-blue","list":["a","b"],"map":{"k":"v"},)"
        R"("free":{"a":1},"inner":{"key":"k","value":""}})");
  CHECK(rewritten<Defaults>(R"({"text":"","number":0,"colour":"red","list":[],"map":{},"free":{},)"
                            R"("inner":{}})") ==
        R"({"text":"","number":0,"colour":"red","list":[],"map":{},"free":{},)"
        R"("inner":{"key":"","value":""}})");
}

TEST_CASE("a union takes one of its fields", "[transcode]") {
  CHECK(rewritten<Choice>(R"({"number":3})") == R"({"before":"","number":3})");
  CHECK(rewritten<Choice>(R"({"size":{"width":4}})") == R"({"before":"","size":{"width":4}})");
  CHECK(rewritten<Choice>("{}") == R"({"before":"","nothing":null})");
  CHECK(faults<Choice>(R"({"number":3,"pair":{}})") ==
        "pair: cannot stand together with \"number\"");
}

}  // namespace
}  // namespace troupe
