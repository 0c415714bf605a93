#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <capnp/serialize.h>
#include <catch2/catch.hpp>

#include <limits>

namespace troupe {
namespace {

using namespace sample;

template <class T>
std::string problems(Message<T>& message) {
  return describe(validate(message.root.asReader()));
}

// The least that is valid.
void fill(Limited::Builder root) {
  root.setNeeded("");
  root.setNeededTime(1);
  root.initNeededInner().setName("");
  root.setSigned(-1);
  root.setUnsigned(3);
}

TEST_CASE("a message is missing what it never set", "[transcode]") {
  Message<Limited> message;
  message.root.setSigned(-1);
  message.root.setUnsigned(3);
  CHECK(problems(message) ==
        "needed: required, but missing\n"
        "neededTime: required, but missing\n"
        "neededInner: required, but missing");
  fill(message.root);
  CHECK(problems(message).empty());
  message.root.initNeededInner();
  CHECK(problems(message) == "neededInner.name: required, but missing");
}

TEST_CASE("a message meets the same limits as JSON", "[transcode]") {
  Message<Limited> message;
  auto root = message.root;
  fill(root);
  root.setWord("A");
  auto words = root.initWords(3);
  words.set(0, "a");
  words.set(1, "bbbb");
  words.set(2, "a");
  root.setShort("abcde");
  root.setPercent(101);
  root.setSigned(0);
  root.setUnsigned(0);
  auto tags = root.initTags(2);
  tags[0].setKey("k");
  tags[0].setValue("1234");
  tags[1].setKey("k");
  root.setFree("[1]");
  CHECK(problems(message) ==
        "word: \"A\" does not match ^[a-z]*$\n"
        "words[1]: must have at most 3 characters, not 4\n"
        "words[2]: \"a\" is there already, as item 0\n"
        "short: must have at most 4 characters, not 5\n"
        "percent: must be from 0 to 100, not 101\n"
        "signed: must be from -5 to -1, not 0\n"
        "unsigned: must be from 3 to 65535, not 0\n"
        "tags.k: must have at most 3 characters, not 4\n"
        "tags[1]: \"k\" is there already, as item 0\n"
        "free: must be a JSON object");
}

TEST_CASE("optional fields that hold their default have no limits", "[transcode]") {
  Message<Optionals> message;
  CHECK(problems(message).empty());
  message.root.setLimited("");
  CHECK(problems(message).empty());
  message.root.setLimited("A");
  CHECK(problems(message) == "limited: \"A\" does not match ^[a-z]+$");
}

TEST_CASE("what JSON could not have said is found in a message", "[transcode]") {
  Message<Shapes> shapes;
  shapes.root.setFirst("\xff");
  shapes.root.setSingle(std::numeric_limits<float>::infinity());
  shapes.root.setDouble(std::numeric_limits<double>::quiet_NaN());
  shapes.root.setColour(static_cast<Colour>(2));
  CHECK(problems(shapes) ==
        "first: must be UTF-8 text\n"
        "single: must be a finite number\n"
        "double: must be a finite number\n"
        "colour: number 2 is not known here");

  Message<Notes> notes;
  notes.root.setFree("{\"a\":");
  notes.root.setWhen(std::numeric_limits<std::int64_t>::max());
  notes.root.initTags(1)[0].setKey("\xc3");
  CHECK(problems(notes) ==
        "free: malformed JSON at line 1, column 6: Invalid value\n"
        "when: must be a time of the years 0 to 9999\n"
        "tags[\"\xEF\xBF\xBD\"]: must be UTF-8 text");
}

TEST_CASE("only the field of a union that is set is checked", "[transcode]") {
  Message<Choice> message;
  message.root.initPair().setKey("\xff");
  CHECK(problems(message) == "pair.key: must be UTF-8 text");
  message.root.setNumber(1);
  CHECK(problems(message).empty());
}

TEST_CASE("a message that nests without end is refused, not followed", "[transcode]") {
  Message<Tree> message;
  Tree::Builder at = message.root;
  for (int i = 0; i < 1000; ++i) at = at.initLeft();
  at.setName("deepest");
  // As it arrives from a peer: what was built here has no limit.
  const auto words = capnp::messageToFlatArray(message.builder);
  capnp::FlatArrayMessageReader received(words);
  const std::string problem = describe(validate(received.getRoot<Tree>()));
  CHECK(problem.find("malformed message: ") == 0);
}

}  // namespace
}  // namespace troupe
