#include "runtime/base/assert.h"
#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

#include <limits>
#include <thread>

namespace troupe {
namespace {

using namespace sample;

TEST_CASE("a struct is written in the order of the schema's text", "[transcode]") {
  Message<Shapes> message;
  CHECK(message.json() ==
        R"({"last":"","first":"","nothing":null,"yes":false,"tiny":0,"big":0,"unsigned":0,)"
        R"("single":0,"double":0,"bytes":"","colour":"red","inner":{"key":"","value":""},)"
        R"("lists":[],"pairs":[],"colours":[],"place":{"x":0,"y":0}})");
}

TEST_CASE("each type has its form in JSON", "[transcode]") {
  Message<Shapes> message;
  auto root = message.root;
  root.setLast("a \"quoted\"\n\u00e9");
  root.setYes(true);
  root.setTiny(-128);
  root.setBig(std::numeric_limits<std::int64_t>::min());
  root.setUnsigned(std::numeric_limits<std::uint64_t>::max());
  root.setSingle(0.1F);
  root.setDouble(0.1);
  const kj::byte bytes[] = {0x00, 0xab, 0xff};
  root.setBytes(kj::arrayPtr(bytes, 3));
  root.setColour(Colour::DARK_BLUE);
  root.initInner().setKey("k");
  auto lists = root.initLists(2);
  lists.init(0, 2).set(1, -7);
  lists.init(1, 0);
  root.initPairs(1)[0].setValue("v");
  root.initColours(1).set(0, Colour::DARK_BLUE);
  root.getPlace().setY(3);
  CHECK(message.json() ==
        "{\"last\":\"a \\\"quoted\\\"\\n\u00e9\",\"first\":\"\",\"nothing\":null,\"yes\":true,"
        R"("tiny":-128,"big":-9223372036854775808,"unsigned":18446744073709551615,"single":0.1,)"
        R"("double":0.1,"bytes":"00abff","colour":"dark-blue","inner":{"key":"k","value":""},)"
        R"("lists":[[0,-7],[]],"pairs":[{"key":"","value":"v"}],"colours":["dark-blue"],)"
        R"("place":{"x":0,"y":3}})");
}

TEST_CASE("contents that JSON cannot hold are still written as JSON", "[transcode]") {
  Message<Shapes> message;
  message.root.setFirst("a\xff");
  message.root.setDouble(std::numeric_limits<double>::infinity());
  message.root.setSingle(std::numeric_limits<float>::quiet_NaN());
  message.root.setColour(static_cast<Colour>(17));
  const std::string json = message.json();
  CHECK(json.find("\"first\":\"a\xEF\xBF\xBD\"") != std::string::npos);
  CHECK(json.find(R"("single":null,"double":null)") != std::string::npos);
  CHECK(json.find(R"("colour":17)") != std::string::npos);
}

TEST_CASE("annotations give fields their shape", "[transcode]") {
  Message<Notes> message;
  auto root = message.root;
  root.setRenamed("r");
  root.setFree(R"({"deep": [1, 2.50]})");
  root.setWhen(1'769'846'400'000);
  root.initWhens(1).set(0, 1);
  auto tags = root.initTags(2);
  tags[0].setKey("b");
  tags[0].setValue("1");
  tags[1].setKey("a");
  root.initCounts(1)[0].setKey("n");
  CHECK(message.json() ==
        R"({"other-name":"r","free":{"deep": [1, 2.50]},"when":"2026-01-31T08:00:00.000Z",)"
        R"("whens":["1970-01-01T00:00:00.001Z"],"tags":{"b":"1","a":""},"counts":{"n":0}})");
}

TEST_CASE("free-form text that was never set is an empty object", "[transcode]") {
  Message<Notes> message;
  CHECK(message.json().find(R"("free":{},"when":"1970-01-01T00:00:00.000Z")") != std::string::npos);
}

TEST_CASE("times out of range are written as the nearest that JSON can hold", "[transcode]") {
  Message<Notes> message;
  message.root.setWhen(std::numeric_limits<std::int64_t>::max());
  CHECK(message.json().find("9999-12-31T23:59:59.999Z") != std::string::npos);
  message.root.setWhen(std::numeric_limits<std::int64_t>::min());
  CHECK(message.json().find("0000-01-01T00:00:00.000Z") != std::string::npos);
}

TEST_CASE("optional fields are left out while they hold their default", "[transcode]") {
  Message<Optionals> message;
  auto root = message.root;
  CHECK(message.json() == "{}");

  SECTION("given explicitly as well") {
    root.setText("");
    root.setDashed("-");
    root.setNumber(-1);
    root.initList(0);
    root.initInner().setKey("");
    root.setFree("");
    root.initBytes(0);
    CHECK(message.json() == "{}");
  }
  SECTION("and written when they differ from it") {
    root.setText("t");
    root.setDashed("");
    root.setNumber(0);
    root.setFlag(true);
    root.setWhen(1);
    root.setColour(Colour::DARK_BLUE);
    root.initList(1);
    root.initInner().setValue("v");
    root.setFree("{}");
    root.initBytes(1);
    CHECK(message.json() ==
          R"({"text":"t","dashed":"","number":0,"flag":true,"when":"1970-01-01T00:00:00.001Z",)"
          R"("colour":"dark-blue","list":[""],"inner":{"key":"","value":"v"},"free":{},)"
          R"("bytes":"00"})");
  }
}

TEST_CASE("of a union only the field that is set is written", "[transcode]") {
  Message<Choice> message;
  CHECK(message.json() == R"({"before":"","nothing":null})");
  message.root.setNumber(3);
  CHECK(message.json() == R"({"before":"","number":3})");
  message.root.initPair().setKey("k");
  CHECK(message.json() == R"({"before":"","pair":{"key":"k","value":""}})");
  message.root.initSize().setWidth(9);
  CHECK(message.json() == R"({"before":"","size":{"width":9}})");
}

TEST_CASE("a struct may hold itself", "[transcode]") {
  Message<Tree> message;
  message.root.setName("root");
  message.root.initLeft().setName("left");
  message.root.initChildren(1)[0].setName("child");
  CHECK(message.json() == R"({"name":"root","left":{"name":"left","children":[]},)"
                          R"("children":[{"name":"child","children":[]}]})");
}

TEST_CASE("threads may use a schema for the first time at once", "[transcode]") {
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back(
        [&result] { result = rewritten<Fresh>(R"({"pairs":{"a":"b"},"text":"abc"})"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) {
    CHECK(result == R"({"pairs":{"a":"b"},"colour":"red","text":"abc"})");
  }
}

TEST_CASE("schemas without a form in JSON fail an assertion", "[transcode]") {
  CHECK_THROWS_AS(Message<Endless>().json(), AssertionError);
  CHECK_THROWS_AS(Message<WithPort>().json(), AssertionError);
  CHECK_THROWS_AS(Message<WithPointer>().json(), AssertionError);
  CHECK_THROWS_AS(Message<BadPattern>().json(), AssertionError);
  CHECK_THROWS_AS(Message<FormAlone>().json(), AssertionError);
  CHECK_THROWS_AS(Message<BadDefault>().json(), AssertionError);
  CHECK_THROWS_AS(Message<BadMap>().json(), AssertionError);
  CHECK_THROWS_AS(Message<MisplacedRange>().json(), AssertionError);
  CHECK_THROWS_AS(Message<MisplacedDate>().json(), AssertionError);
  CHECK_THROWS_AS(Message<MisplacedUnique>().json(), AssertionError);
  // Asking again gives the same answer: nothing half-built was kept.
  CHECK_THROWS_AS(Message<WithPort>("{}"), AssertionError);
}

}  // namespace
}  // namespace troupe
