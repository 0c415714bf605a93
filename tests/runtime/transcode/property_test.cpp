// Laws of transcoding, on random contents.
#include "runtime/base/json_writer.h"
#include "runtime/transcode/limits.h"
#include "schema/api/queue.capnp.h"
#include "tests/runtime/transcode/sample.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <capnp/serialize.h>
#include <catch2/catch.hpp>
#include <kj/string.h>
#include <rapidcheck/catch.h>

#include <set>

namespace troupe {
namespace {

using schema::TaskDefinition;
using schema::TaskStatus;

// Text of all kinds of code points, at least `min` and at most `max` of them.
std::string any_text(int min, int max) {
  static const std::vector<std::string> parts = {
      "a",    "Z", "0",      " ",      "\"",     "\\",         "/", "\n", "\x01",
      "\x7f", "<", "\u00e9", "\u2028", "\uffff", "\U0001F600", "{", "}",  ","};
  const int count = *rc::gen::inRange(min, max + 1);
  std::string text;
  for (int i = 0; i < count; ++i) text += *rc::gen::elementOf(parts);
  return text;
}

// Text of the characters that `alphabet` has.
std::string word(std::string_view alphabet, int min, int max) {
  const int count = *rc::gen::inRange(min, max + 1);
  const auto size = static_cast<int>(alphabet.size());
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += alphabet[static_cast<std::size_t>(*rc::gen::inRange(0, size))];
  }
  return text;
}

std::string slug() {
  constexpr std::string_view all =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return word(all, 8, 8) + word("QRST", 1, 1) + word(all, 1, 1) + word("CGKOSWaeimquy26-", 1, 1) +
         word(all, 10, 10) + word("AQgw", 1, 1);
}

// Never the one that stands for no time.
std::int64_t any_time() {
  const auto ms = *rc::gen::inRange<std::int64_t>(transcode::time_ms_min, transcode::time_ms_max);
  return ms == 0 ? 1 : ms;
}

std::string any_object() {
  JsonWriter json;
  json.begin_object();
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    json.key(any_text(0, 4)).begin_array().string(any_text(0, 6));
    json.int64(*rc::gen::arbitrary<std::int64_t>()).raw(R"({"a":[1.50,null]})").end_array();
  }
  return json.end_object().take();
}

template <class List>
void set_all(List list, const std::set<std::string>& texts) {
  unsigned i = 0;
  for (const std::string& text : texts) list.set(i++, text.c_str());
}

void fill(TaskDefinition::Builder task) {
  if (*rc::gen::arbitrary<bool>()) {
    task.setProvisionerId(word("aZ0-_", 1, 38));
    task.setWorkerType(word("az", 1, 38));
    task.setTaskQueueId(word("aZ0-_", 1, 38) + "/" + word("az", 1, 38));
    task.setTaskGroupId(slug());
    task.setExpires(any_time());
  }
  task.setSchedulerId(word("aZ0-_", 1, 38));
  task.setProjectId(word("aZ0._/-", 1, 60));
  std::set<std::string> dependencies;
  std::set<std::string> routes;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    dependencies.insert(slug());
    routes.insert(any_text(1, 40));
  }
  set_all(task.initDependencies(static_cast<unsigned>(dependencies.size())), dependencies);
  set_all(task.initRoutes(static_cast<unsigned>(routes.size())), routes);
  set_all(task.initScopes(1), {word(" ~aZ:*", 0, 20)});
  task.setRequires(static_cast<schema::Requires>(*rc::gen::inRange(0, 2)));
  task.setPriority(static_cast<schema::Priority>(*rc::gen::inRange(0, 7)));
  task.setRetries(*rc::gen::inRange(0, 50));
  task.setCreated(any_time());
  task.setDeadline(any_time());
  task.setPayload(any_object());
  task.setExtra(any_object());
  auto metadata = task.initMetadata();
  metadata.setName(any_text(0, 60));
  metadata.setDescription(any_text(0, 200));
  metadata.setOwner(any_text(0, 60));
  metadata.setSource("https://" + any_text(0, 60));
  auto tags = task.initTags(static_cast<unsigned>(*rc::gen::inRange(0, 4)));
  for (unsigned i = 0; i < tags.size(); ++i) {
    tags[i].setKey(std::to_string(i) + any_text(0, 10));
    tags[i].setValue(any_text(0, 40));
  }
}

void fill(TaskStatus::Builder status) {
  status.setTaskId(slug());
  status.setProvisionerId(word("aZ0-_", 1, 38));
  status.setWorkerType(word("az", 1, 38));
  status.setTaskQueueId(word("aZ0-_", 1, 38) + "/" + word("az", 1, 38));
  status.setSchedulerId(word("aZ0-_", 1, 38));
  status.setProjectId(word("aZ0._/-", 1, 60));
  status.setTaskGroupId(slug());
  status.setDeadline(any_time());
  status.setExpires(any_time());
  status.setRetriesLeft(*rc::gen::inRange(0, 1'000));
  status.setState(static_cast<schema::TaskState>(*rc::gen::inRange(0, 6)));
  status.setPriority(static_cast<schema::Priority>(*rc::gen::inRange(0, 7)));
  for (auto run : status.initRuns(static_cast<unsigned>(*rc::gen::inRange(0, 4)))) {
    run.setRunId(*rc::gen::inRange(0U, 1'001U));
    run.setState(static_cast<schema::TaskState>(*rc::gen::inRange(0, 6)));
    run.setReasonCreated(static_cast<schema::ReasonCreated>(*rc::gen::inRange(0, 5)));
    run.setReasonResolved(static_cast<schema::ReasonResolved>(*rc::gen::inRange(0, 11)));
    run.setScheduled(*rc::gen::inRange<std::int64_t>(1, 3));
    if (*rc::gen::arbitrary<bool>()) run.setWorkerId(word("aZ0-_", 1, 10));
    if (*rc::gen::arbitrary<bool>()) run.setTakenUntil(any_time());
  }
}

template <class T>
void check_round_trip() {
  Message<T> written;
  fill(written.root);
  RC_ASSERT(describe(validate(written.root.asReader())) == "");
  const std::string json = written.json();
  Message<T> read(json);
  RC_ASSERT(describe(read.errors) == "");
  RC_ASSERT(kj::str(read.root) == kj::str(written.root));
  RC_ASSERT(read.json() == json);
  RC_ASSERT(describe(validate(read.root.asReader())) == "");
}

// Whatever is accepted can be written, and is accepted again as the same.
template <class T>
void check_any_input(const std::string& input) {
  Message<T> message(input);
  if (!message.errors.empty()) {
    RC_ASSERT(!describe(message.errors).empty());
    return;
  }
  const std::string json = message.json();
  RC_ASSERT(rewritten<T>(json) == json);
  RC_ASSERT(describe(validate(message.root.asReader())) == "");
}

TEST_CASE("a definition is the same after JSON", "[transcode][property]") {
  rc::prop("from_json(to_json(x)) == x", [] { check_round_trip<TaskDefinition>(); });
}

TEST_CASE("a status is the same after JSON", "[transcode][property]") {
  rc::prop("from_json(to_json(x)) == x", [] { check_round_trip<TaskStatus>(); });
}

TEST_CASE("random bytes are refused or understood", "[transcode][property]") {
  rc::prop("bytes", [](const std::string& bytes) {
    check_any_input<TaskDefinition>(bytes);
    check_any_input<sample::Shapes>(bytes);
  });
}

TEST_CASE("damaged JSON is refused or understood", "[transcode][property]") {
  static const std::vector<std::string> parts = {
      "{", "}", "[",   "]",    ",",       ":", "\"",           "\\", "null",
      "0", "-", "1e9", "\xff", "\\u0000", " ", "\"payload\":", "{}"};
  rc::prop("with parts lost, repeated and put in", [] {
    Message<TaskDefinition> message;
    fill(message.root);
    std::string json = message.json();
    for (int i = *rc::gen::inRange(1, 5); i > 0; --i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, json.size());
      const auto size = *rc::gen::inRange<std::size_t>(0, 8);
      json.replace(at, size, *rc::gen::elementOf(parts));
    }
    check_any_input<TaskDefinition>(json);
    check_any_input<sample::Shapes>(json);
  });
}

TEST_CASE("damaged messages are refused or understood", "[transcode][property]") {
  rc::prop("with words overwritten", [] {
    Message<TaskDefinition> message;
    fill(message.root);
    auto words = capnp::messageToFlatArray(message.builder);
    // The first word is the segment table: what is after it can be anything.
    for (int i = *rc::gen::inRange(1, 5); i > 0; --i) {
      const auto at = *rc::gen::inRange<std::size_t>(8, words.asBytes().size());
      words.asBytes()[at] = *rc::gen::arbitrary<std::uint8_t>();
    }
    capnp::FlatArrayMessageReader reader(words);
    try {
      const auto root = reader.getRoot<TaskDefinition>();
      RC_ASSERT(describe(validate(root)).size() < 1'000'000U);
      RC_ASSERT(to_json(root).front() == '{');
    } catch (const kj::Exception&) {
      RC_SUCCEED("refused by Cap'n Proto");
    }
  });
}

}  // namespace
}  // namespace troupe
