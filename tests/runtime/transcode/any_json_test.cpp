#include "runtime/base/assert.h"
#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using namespace sample;

TEST_CASE("a field of any JSON passes each kind of value as it is", "[transcode]") {
  const auto* value = GENERATE(R"("text \u00e9")", "null", "true", "-1.50e3", "[]", "{}",
                               R"([{"a":[null]},"b"])", R"({"a":1,"a":2})");
  const std::string json = std::string(R"({"value":)") + value + R"(,"maybe":)" + value +
                           R"(,"values":[)" + value + R"(,1],"mood":"glad"})";
  Message<Anything> message(json);
  REQUIRE(describe(message.errors).empty());
  CHECK(describe(validate(message.root.asReader())).empty());
  // Strings are written anew, with the same contents.
  if (value[0] != '"') CHECK(message.json() == json);
  CHECK(rewritten<Anything>(message.json()) == message.json());
}

TEST_CASE("a field of any JSON keeps no white space between its parts", "[transcode]") {
  Message<Anything> message("{\"value\": { \"a b\" : [ 1 ,\n2 ] } }");
  REQUIRE(describe(message.errors).empty());
  CHECK(message.root.getValue() == R"({"a b":[1,2]})");
}

TEST_CASE("a field of any JSON that is empty is null, or left out", "[transcode]") {
  Message<Anything> message("{}");
  REQUIRE(describe(message.errors).empty());
  CHECK(message.json() == R"({"value":null,"values":[],"mood":"glad"})");
}

TEST_CASE("a field of any JSON that came over RPC holds JSON", "[transcode]") {
  Message<Anything> message("{}");
  message.root.setValue("{\"a\":}");
  CHECK(describe(validate(message.root.asReader())).find("value: malformed JSON at line 1") == 0);
  CHECK_THROWS_AS(Message<MisplacedAnyJson>("{}"), AssertionError);
}

TEST_CASE("an enumerant without a name in JSON cannot be said there", "[transcode]") {
  CHECK(enum_name(Mood::NONE).empty());
  CHECK_FALSE(enum_from_name<Mood>(""));
  CHECK_FALSE(enum_from_name<Mood>("none"));
  CHECK(faults<Anything>(R"({"mood":""})") == R"(mood: must be one of "glad", not "")");
  CHECK(faults<Anything>(R"({"mood":"none"})") == R"(mood: must be one of "glad", not "none")");
  Message<Anything> message("{\"value\":1}");
  message.root.setMood(Mood::NONE);
  CHECK(describe(validate(message.root.asReader())) == "mood: number 0 is not known here");
}

TEST_CASE("one field of a struct is written alone", "[transcode]") {
  Message<Drawing> message(R"({"figures":[{"kind":"circle","radius":2}],)"
                           R"("frame":{"kind":"right-angled"},"named":{"key":"k"}})");
  const capnp::DynamicStruct::Reader drawing = message.root.asReader();
  const auto written = [&drawing](const char* name) {
    return to_json(drawing, drawing.getSchema().getFieldByName(name));
  };
  CHECK(written("figures") == R"([{"kind":"circle","radius":2}])");
  CHECK(written("frame") == R"({"kind":"right-angled","side":0})");
  CHECK(written("named") == R"({"key":"k","value":""})");
  const auto stranger = capnp::Schema::from<Circle>().getFieldByName("radius");
  CHECK_THROWS_AS(to_json(drawing, stranger), AssertionError);
}

TEST_CASE("what is not JSON is told from JSON with faults", "[transcode]") {
  Message<Anything> message;
  const auto broken = read_json("{\"value\":", message.root);
  REQUIRE_FALSE(broken.ok());
  CHECK(broken.error().code == Errc::malformed);
  CHECK(broken.error().detail.find("malformed JSON at line 1") == 0);
  const auto wrong = read_json("[]", message.root);
  REQUIRE(wrong.ok());
  CHECK(describe(wrong.value()) == "must be an object, not a list");
  CHECK(read_json("{}", message.root).value().empty());
}

}  // namespace
}  // namespace troupe
