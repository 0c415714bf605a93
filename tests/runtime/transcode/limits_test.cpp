#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using sample::Limited;
using sample::Optionals;

constexpr std::string_view needed =
    R"("needed":"","neededTime":"2026-01-31T08:00:00Z","neededInner":{"name":""})";

// The faults of the least that is valid and `more`.
std::string faults_with(std::string_view more) {
  return faults<Limited>("{" + std::string(needed) + R"(,"words":["a"],"short":"ab","signed":-1,)" +
                         R"("unsigned":3,)" + std::string(more) + "}");
}

TEST_CASE("the least that is valid has no faults", "[transcode]") {
  CHECK(faults_with(R"("word":"")").empty());
  // What is left out and neither required nor given a default has no limit to meet.
  CHECK(faults<Limited>("{" + std::string(needed) + "}").empty());
}

TEST_CASE("required fields are missed, each with its path", "[transcode]") {
  CHECK(faults<Limited>("{}") ==
        "needed: required, but missing\n"
        "neededTime: required, but missing\n"
        "neededInner: required, but missing");
  CHECK(faults<Limited>(R"({"needed":"","neededTime":"2026-01-31T08:00:00Z","neededInner":{}})") ==
        "neededInner.name: required, but missing");
}

TEST_CASE("texts meet their pattern", "[transcode]") {
  CHECK(faults_with(R"("word":"a1")") == "word: \"a1\" does not match ^[a-z]*$");
  CHECK(faults_with("\"word\":\"a\\n\"") == "word: \"a\\u000a\" does not match ^[a-z]*$");
  CHECK(faults<Optionals>(R"({"limited":""})") == "limited: \"\" does not match ^[a-z]+$");
  CHECK(faults<Optionals>("{}").empty());
}

TEST_CASE("lengths count code points", "[transcode]") {
  const auto with_short = [](std::string_view text) {
    return faults<Limited>("{" + std::string(needed) + ",\"short\":\"" + std::string(text) + "\"}");
  };
  CHECK(with_short("\u00e9\u00e9\U0001F600\U0001F600").empty());
  CHECK(with_short("a") == "short: must have at least 2 characters, not 1");
  CHECK(with_short("\u00e9\u00e9\u00e9\u00e9\u00e9") ==
        "short: must have at most 4 characters, not 5");
}

TEST_CASE("lists meet the limits of their size and of their items", "[transcode]") {
  const auto with_words = [](std::string_view words) {
    return faults<Limited>("{" + std::string(needed) + ",\"words\":" + std::string(words) + "}");
  };
  CHECK(with_words("[]") == "words: must have at least 1 item, not 0");
  CHECK(with_words(R"(["a","b","c","d","e"])") == "words: must have at most 4 items, not 5");
  CHECK(with_words(R"(["a","bbbb","C","a"])") ==
        "words[1]: must have at most 3 characters, not 4\n"
        "words[2]: \"C\" is not a word such as abc\n"
        "words[3]: \"a\" is there already, as item 0");
}

TEST_CASE("integers meet their range", "[transcode]") {
  CHECK(faults_with(R"("percent":100)").empty());
  CHECK(faults_with(R"("percent":101)") == "percent: must be from 0 to 100, not 101");
  CHECK(faults_with(R"("percent":-1)") == "percent: must be from 0 to 100, not -1");
  CHECK(faults<Limited>("{" + std::string(needed) + R"(,"signed":0,"unsigned":2})") ==
        "signed: must be from -5 to -1, not 0\n"
        "unsigned: must be from 3 to 65535, not 2");
}

TEST_CASE("maps meet the limits of their size and of their values", "[transcode]") {
  CHECK(faults_with(R"("tags":{"a":"123","b":""})").empty());
  CHECK(faults_with(R"("tags":{"a":"1234"})") == "tags.a: must have at most 3 characters, not 4");
  CHECK(faults_with(R"("tags":{"a":"","b":"","c":""})") == "tags: must have at most 2 keys, not 3");
  CHECK(faults<sample::Notes>(R"({"counts":{"n":10}})") == "counts.n: must be from 1 to 9, not 10");
}

TEST_CASE("a time that would read as none is the next one where none has a meaning",
          "[transcode]") {
  constexpr std::string_view json = R"({"when":"1970-01-01T00:00:00Z"})";
  CHECK(faults<Optionals>(json).empty());
  CHECK(Message<Optionals>(json).root.getWhen() == 1);
  CHECK(faults<sample::Notes>(json).empty());
  CHECK(Message<sample::Notes>(json).root.getWhen() == 0);
}

TEST_CASE("the list of faults ends", "[transcode]") {
  std::string json = "{";
  for (int i = 0; i < 1000; ++i) json += "\"unknown" + std::to_string(i) + "\":0,";
  json += std::string(needed) + "}";
  const Errors errors = Message<Limited>(json).errors;
  REQUIRE(errors.size() == field_errors_max + 1);
  CHECK(errors.back() == FieldError{"", "more is wrong: only the first 100 faults are listed"});
}

}  // namespace
}  // namespace troupe
