#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using sample::Notes;
using sample::Shapes;
using sample::Tree;

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST_CASE("malformed JSON is refused with its place", "[transcode]") {
  CHECK(faults<Shapes>("") == "malformed JSON at line 1, column 1: The document is empty");
  CHECK(faults<Shapes>("{\n  \"\u00e9\": 1,\n}") ==
        "malformed JSON at line 3, column 1: Missing a name for object member");
  CHECK(faults<Shapes>("{\"\u00e9\" 1}") ==
        "malformed JSON at line 1, column 6: Missing a colon after a name of object member");
  CHECK(faults<Shapes>("{} {}") ==
        "malformed JSON at line 1, column 4: "
        "The document root must not be followed by other values");
  CHECK(faults<Shapes>(std::string_view("{}\0{}", 5)) ==
        "malformed JSON at line 1, column 3: a zero byte");
  CHECK(faults<Shapes>("{\"first\":\"\xff\"}") ==
        "malformed JSON at line 1, column 11: Invalid encoding in string");
  CHECK(faults<Shapes>(R"({"first":"\ud800"})").find("surrogate") != std::string::npos);
  CHECK(faults<Shapes>(R"({"first":"\udc00"})") == "first: must be UTF-8 text");
  CHECK(faults<Notes>(R"({"tags":{"\udc00":""}})").find("must be UTF-8 text") != std::string::npos);
  CHECK(faults<Shapes>(R"({"big":01})").find("malformed JSON") == 0);
  CHECK(faults<Shapes>(R"({"big":NaN})").find("malformed JSON") == 0);
  CHECK(faults<Shapes>(R"({"free":{"a":1e}})").find("malformed JSON") == 0);
}

TEST_CASE("nesting has a limit, wherever it is", "[transcode]") {
  constexpr std::string_view fault = "nests more than 200 objects and arrays";
  const auto deep = [](std::size_t levels) {
    return repeated("[", levels) + repeated("]", levels);
  };
  CHECK(faults<Notes>("{\"free\":{\"a\":" + deep(198) + "}}").empty());
  CHECK(faults<Notes>("{\"free\":{\"a\":" + deep(199) + "}}").find(fault) == 0);
  CHECK(faults<Notes>(repeated("[", 10'000'000)).find(fault) == 0);
  CHECK(faults<Notes>(repeated("{\"a\":", 1'000'000)).find(fault) == 0);
  CHECK(faults<Tree>(repeated("{\"left\":", 1'000'000)).find(fault) == 0);
}

TEST_CASE("size has a limit", "[transcode]") {
  CHECK(faults<Shapes>(std::string(json_bytes_max + 1, ' ')) ==
        "larger than 64 MiB: 67108865 bytes");
  const std::string many = "{\"colours\":[" + repeated("0,", json_values_max) + "0]}";
  CHECK(faults<Shapes>(many).find("holds more than 1000000 values") == 0);
  // What is in free-form parts and unknown fields does not count.
  CHECK(faults<Notes>("{\"free\":{\"a\":[" + repeated("0,", json_values_max) + "0]}}").empty());
}

}  // namespace
}  // namespace troupe
