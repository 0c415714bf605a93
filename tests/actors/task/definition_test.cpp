// What follows from other fields of a definition. Source: spec/queue.md, sections 1.2 and 1.3.
#include "actors/task/definition.h"

#include "runtime/store/message.h"
#include "tests/actors/support/messages.h"

#include <catch2/catch.hpp>

#include <ctime>

namespace troupe::test {
namespace {

struct Queue {
  std::string whole;
  std::string provisioner;
  std::string type;
};

// The halves and the whole as normalised; nothing if refused.
std::optional<Queue> normalised(const Queue& given) {
  capnp::MallocMessageBuilder message;
  auto d = message.initRoot<schema::TaskDefinition>();
  if (!given.whole.empty()) d.setTaskQueueId(text(given.whole));
  if (!given.provisioner.empty()) d.setProvisionerId(text(given.provisioner));
  if (!given.type.empty()) d.setWorkerType(text(given.type));
  if (const auto faults = task::normalise("A", d); !faults.empty()) {
    CHECK(faults[0].path == "taskQueueId");
    return std::nullopt;
  }
  const auto read = d.asReader();
  return Queue{str(read.getTaskQueueId()), str(read.getProvisionerId()), str(read.getWorkerType())};
}

TEST_CASE("the queue's three fields agree", "[definition]") {
  const auto given = GENERATE(values<Queue>({{"p/t", "", ""},
                                             {"", "p", "t"},
                                             {"p/t", "p", "t"},
                                             {"p/t", "other", ""},
                                             {"p/t", "", "other"}}));
  const auto found = normalised(given);
  REQUIRE(found);
  CHECK(found->whole == "p/t");
  CHECK(found->provisioner == "p");
  CHECK(found->type == "t");
}

TEST_CASE("queues that do not agree or are not named are refused", "[definition]") {
  const auto given = GENERATE(values<Queue>(
      {{"", "", ""}, {"", "p", ""}, {"", "", "t"}, {"p/t", "p", "u"}, {"p/t", "o", "t"}}));
  CHECK_FALSE(normalised(given));
}

TEST_CASE("group and expiry have defaults", "[definition]") {
  capnp::MallocMessageBuilder message;
  auto d = message.initRoot<schema::TaskDefinition>();
  fill_definition("A", {}, d);
  CHECK(str(d.asReader().getTaskGroupId()) == "A");
  CHECK(d.getExpires() == add_years(start + hour, 1).ms);
  capnp::MallocMessageBuilder other_message;
  auto other = other_message.initRoot<schema::TaskDefinition>();
  fill_definition("A", {.group = "G", .expires = start + 2 * hour}, other);
  CHECK(str(other.asReader().getTaskGroupId()) == "G");
  CHECK(other.getExpires() == (start + 2 * hour).ms);
}

bool same(const NewTask& a, const NewTask& b, Priority current = Priority::LOWEST) {
  capnp::MallocMessageBuilder left;
  capnp::MallocMessageBuilder right;
  fill_definition("A", a, left.initRoot<schema::TaskDefinition>());
  fill_definition("A", b, right.initRoot<schema::TaskDefinition>());
  return task::same_definition(left.getRoot<schema::TaskDefinition>(), current,
                               right.getRoot<schema::TaskDefinition>());
}

TEST_CASE("every rule that is broken is named with its field", "[definition]") {
  capnp::MallocMessageBuilder message;
  auto d = message.initRoot<schema::TaskDefinition>();
  fill_definition("A",
                  {.created = start - hour,
                   .deadline = start - minute,
                   .expires = start - 2 * minute,
                   .scopes = {"fine*", "bad**"}},
                  d);
  CHECK(task::check(d, {}, start) ==
        std::vector<FieldError>{{"created", "is more than 15 minutes in the past"},
                                {"deadline", "is in the past"},
                                {"expires", "is before deadline"},
                                {"scopes[1]", "\"bad**\" ends in **"}});
}

TEST_CASE("definitions are compared by what they say", "[definition]") {
  CHECK(same({}, {}));
  CHECK(same({.payload = R"({"a":[1,2],"b":{"c":1,"d":2}})"},
             {.payload = R"({ "b": {"d": 2, "c": 1}, "a": [1, 2] })"}));
  CHECK_FALSE(same({.payload = R"({"a":[1,2]})"}, {.payload = R"({"a":[2,1]})"}));
  CHECK_FALSE(same({.routes = {"a", "b"}}, {.routes = {"b", "a"}}));
  CHECK_FALSE(same({.tags = {{"a", "1"}}}, {.tags = {{"a", "2"}}}));
  CHECK_FALSE(same({.retries = 1}, {.retries = 2}));
  CHECK_FALSE(same({.needs = {"A"}}, {}));
}

TEST_CASE("the order of tags does not count, each of them does", "[definition]") {
  CHECK(same({.tags = {{"a", "1"}, {"b", "2"}}}, {.tags = {{"b", "2"}, {"a", "1"}}}));
  CHECK_FALSE(same({.tags = {{"a", "1"}, {"b", "2"}}}, {.tags = {{"a", "2"}, {"b", "1"}}}));
  CHECK_FALSE(same({.tags = {{"a", "1"}, {"b", "2"}}}, {.tags = {{"a", "1"}}}));
}

TEST_CASE("of a key that comes several times the last counts", "[definition]") {
  CHECK(same({.payload = R"({"a":1,"b":2,"a":3})"}, {.payload = R"({"b":2,"a":3})"}));
  CHECK(same({.payload = R"({"a":3})"}, {.payload = R"({"a":[],"a":3})"}));
  CHECK_FALSE(same({.payload = R"({"a":3,"a":1})"}, {.payload = R"({"a":1,"a":3})"}));
  CHECK_FALSE(same({.payload = R"({"a":1,"a":1})"}, {.payload = R"({"a":1,"b":2})"}));
  CHECK_FALSE(same({.extra = R"({"x":{"a":1,"b":2}})"}, {.extra = R"({"x":{"a":1,"a":1}})"}));
}

TEST_CASE("values are compared by type and contents", "[definition]") {
  const std::vector<std::string> values = {"null",
                                           "true",
                                           "false",
                                           "0",
                                           "1",
                                           "-1",
                                           "0.5",
                                           R"("")",
                                           R"("0")",
                                           "[]",
                                           "[0]",
                                           "[[0]]",
                                           "{}",
                                           R"({"a":0})",
                                           R"({"b":0})",
                                           R"({"a":{}})",
                                           R"([{"a":0},1])",
                                           R"([1,{"a":0}])"};
  for (const auto& a : values) {
    for (const auto& b : values) {
      INFO(a << " and " << b);
      CHECK(same({.payload = R"({ "k":)" + a + "}"}, {.payload = R"({"k":)" + b + "}"}) ==
            (a == b));
    }
  }
}

// An object with that many keys, in rising or falling order.
std::string many_keys(int count, bool rising) {
  std::string json = "{";
  for (int i = 0; i < count; ++i) {
    json += (i == 0 ? "\"k" : ",\"k") + std::to_string(rising ? i : count - 1 - i) + "\":0";
  }
  return json + "}";
}

TEST_CASE("objects with many keys are compared quickly", "[definition]") {
  const std::string rising = many_keys(100'000, true);
  const std::string falling = many_keys(100'000, false);
  const std::clock_t before = std::clock();
  CHECK(same({.payload = rising}, {.payload = falling}));
  // Looking for each key among all others takes many times as long.
  CHECK(std::clock() - before < 2 * CLOCKS_PER_SEC);
}

TEST_CASE("values may be nested deeply", "[definition]") {
  const int depth = 200'000;
  const std::string left = std::string(depth, '[') + "1" + std::string(depth, ']');
  const std::string right = std::string(depth, '[') + " 1" + std::string(depth, ']');
  CHECK(same({.payload = left}, {.payload = right}));
  const std::string other = std::string(depth, '[') + "2" + std::string(depth, ']');
  CHECK_FALSE(same({.payload = left}, {.payload = other}));
}

TEST_CASE("the priority that counts is the current one", "[definition]") {
  CHECK_FALSE(same({}, {}, Priority::HIGH));
  CHECK(same({}, {.priority = Priority::HIGH}, Priority::HIGH));
}

}  // namespace
}  // namespace troupe::test
