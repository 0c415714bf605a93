#include "runtime/base/assert.h"
#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using namespace sample;

TEST_CASE("a union is told apart by a property, wherever that stands", "[transcode]") {
  CHECK(rewritten<Figure>(R"({"kind":"circle","radius":3})") == R"({"kind":"circle","radius":3})");
  CHECK(rewritten<Figure>(R"({"side":4,"kind":"right-angled"})") ==
        R"({"kind":"right-angled","side":4})");
  CHECK(rewritten<Drawing>(R"({"figures":[{"side":1,"kind":"right-angled"},)"
                           R"({"kind":"circle","radius":2,"centre":"c"}],)"
                           R"("frame":{"kind":"right-angled"},"named":{"key":"k"}})") ==
        R"({"figures":[{"kind":"right-angled","side":1},)"
        R"({"kind":"circle","radius":2,"centre":"c"}],)"
        R"("frame":{"kind":"right-angled","side":0},"named":{"key":"k","value":""}})");
}

TEST_CASE("what the union holds is known by its accessors", "[transcode]") {
  Message<Figure> figure(R"({"kind":"right-angled","side":7})");
  REQUIRE(describe(figure.errors).empty());
  REQUIRE(figure.root.isSquare());
  CHECK(figure.root.getSquare().getSide() == 7);
}

TEST_CASE("a union whose kind is missing or unknown is a fault of that property", "[transcode]") {
  CHECK(faults<Figure>("{}") == "kind: required, but missing");
  CHECK(faults<Figure>(R"({"radius":3})") == "kind: required, but missing");
  // By its name in JSON, not in the schema; nothing else of it is looked at then.
  CHECK(faults<Figure>(R"({"kind":"square","side":"x"})") ==
        R"(kind: must be one of "circle", "right-angled", not "square")");
  CHECK(faults<Drawing>(R"({"figures":[{"kind":"circle","radius":1},{"kind":""}],)"
                        R"("frame":{"kind":"right-angled"},"named":{"key":""}})") ==
        R"(figures[1].kind: must be one of "circle", "right-angled", not "")");
  CHECK(faults<Figure>("[]") == "must be an object, not a list");
}

TEST_CASE("faults inside a union stand at their place", "[transcode]") {
  CHECK(faults<Figure>(R"({"kind":"circle","radius":10,"side":1})") ==
        "radius: must be from 0 to 9, not 10\nunknown field \"side\"");
  CHECK(faults<Figure>(R"({"kind":"circle"})") == "radius: required, but missing");
  CHECK(faults<Drawing>(R"({"frame":{"kind":"right-angled","side":-1},"named":{"key":""}})") ==
        "frame.side: must be from 0 to 65535, not -1");
}

TEST_CASE("of a union's property that is there twice the last value counts", "[transcode]") {
  CHECK(rewritten<Figure>(R"({"kind":"circle","side":1,"kind":"right-angled","side":2})") ==
        R"({"kind":"right-angled","side":2})");
  CHECK(faults<Figure>(R"({"kind":"right-angled","kind":"neither"})").find("not \"neither\"") !=
        std::string::npos);
}

TEST_CASE("a discriminator that does not fit its struct is a fault of the schema", "[transcode]") {
  CHECK_THROWS_AS(Message<BesideDiscriminator>("{}"), AssertionError);
  CHECK_THROWS_AS(Message<TakenDiscriminator>("{}"), AssertionError);
}

TEST_CASE("a struct's properties are counted", "[transcode]") {
  const std::string rest = R"("frame":{"kind":"right-angled"},)";
  CHECK(faults<Drawing>("{" + rest + R"("named":{"key":"k"}})").empty());
  CHECK(faults<Drawing>("{" + rest + R"("named":{}})") == "named: must have at least 1 key, not 0");
  CHECK(faults<Drawing>("{" + rest + R"("named":{"key":"k","value":"v"}})") ==
        "named: must have at most 1 key, not 2");
  Message<Drawing> message("{" + rest + R"("named":{"key":"k"}})");
  CHECK(describe(validate(message.root.asReader())).empty());
  message.root.getNamed().setValue("v");
  CHECK(describe(validate(message.root.asReader())) == "named: must have at most 1 key, not 2");
}

}  // namespace
}  // namespace troupe
