#include "tests/apps/group_file/support.h"

using namespace troupe;
using namespace troupe::group_file;
using namespace troupe::group_file::test;

namespace {

std::string convert(std::string_view text) {
  Problems problems("t.yml");
  const auto definition = read_definition(text, problems);
  if (!problems.empty()) return problems.error().detail;
  return to_json(*definition, {.task_ids = {}, .now = noon});
}

TEST_CASE("a file of another kind is no task definition", "[definition_file]") {
  CHECK(convert("root:*:19000:0:99999:7::: \n").find("t.yml:1:1: this is no task definition") == 0);
  CHECK(convert("secret: hunter2\n").find("hunter") == std::string::npos);
}

}  // namespace

TEST_CASE("a definition file becomes the body of createTask", "[definition_file]") {
  CHECK(convert("{\"taskQueueId\": \"a/b\", \"created\": \"2026-01-31T11:59:00Z\","
                " \"deadline\": {\"$fromNow\": \"2 hours\"}}") ==
        R"({"taskQueueId":"a/b","created":"2026-01-31T11:59:00Z",)"
        R"("deadline":"2026-01-31T14:00:00.000Z"})");
  CHECK(convert("deadline: 2h\nexpires: {$fromNow: 1 day 30 min}\n") ==
        R"({"deadline":"2026-01-31T14:00:00.000Z","expires":"2026-02-01T12:30:00.000Z",)"
        R"("taskQueueId":"local/default","created":"2026-01-31T12:00:00.000Z"})");
  CHECK(convert("payload: {}\n") ==
        R"({"payload":{},"taskQueueId":"local/default","created":"2026-01-31T12:00:00.000Z",)"
        R"("deadline":"2026-02-01T12:00:00.000Z"})");
  CHECK(convert("provisionerId: a\n") ==  // the other half is missing, and the server says so
        R"({"provisionerId":"a","created":"2026-01-31T12:00:00.000Z",)"
        R"("deadline":"2026-02-01T12:00:00.000Z"})");
  CHECK(convert("created: now\nqueue: a/b\n") ==
        "t.yml:1:10: `created` is a span (`90m`, `30d`), a time (`2026-01-31T08:00:00Z`) or "
        "`{$fromNow: 2 hours}`\n"
        "t.yml:2:1: unknown key `queue`");
}

TEST_CASE("free-form parts follow the core schema; env stays text", "[definition_file]") {
  const std::string json = convert(R"(taskQueueId: a/b
created: 2026-01-31T12:00:00Z
deadline: 2026-02-01T12:00:00Z
payload:
  env: {A: 3.10, B: no, C: yes, D: null, E: ~, F: 0x10, G: "q", H: }
extra:
  numbers: [1, -2, +3, 007, 0x1F, 0o17, 1.5, .5, 1., 1e3, -0.25E-2, 12345678901234567890123]
  words: [yes, no, on, "1", '2', .inf, .nan, 1_000, 0b1, 1:30]
  nothing: [null, ~, Null, ]
  booleans: [true, False, TRUE]
  block: |
    two
    lines
)");
  CHECK(json ==
        R"({"taskQueueId":"a/b","created":"2026-01-31T12:00:00Z",)"
        R"("deadline":"2026-02-01T12:00:00Z",)"
        R"("payload":{"env":{"A":"3.10","B":"no","C":"yes","D":"null","E":"~","F":"0x10",)"
        R"("G":"q","H":""}},)"
        R"("extra":{"numbers":[1,-2,3,7,31,15,1.5,0.5,1.0,1e3,-0.25e-2,12345678901234567890123],)"
        R"("words":["yes","no","on","1","2",".inf",".nan","1_000","0b1","1:30"],)"
        R"("nothing":[null,null,null],"booleans":[true,false,true],"block":"two\nlines\n"}})");
}

TEST_CASE("spans of time follow JSON-e and the short form", "[definition_file]") {
  const auto deadline = [](const std::string& span) {
    return convert("{taskQueueId: a/b, created: 2026-01-31T12:00:00Z, deadline: {$fromNow: '" +
                   span + "'}}");
  };
  const auto expect = [](const std::string& time) {
    return R"({"taskQueueId":"a/b","created":"2026-01-31T12:00:00Z","deadline":")" + time + "\"}";
  };
  CHECK(deadline("1 year 2 months") == expect("2027-04-01T12:00:00.000Z"));
  CHECK(deadline("2w3d") == expect("2026-02-17T12:00:00.000Z"));
  CHECK(deadline("-5 min") == expect("2026-01-31T11:55:00.000Z"));
  CHECK(deadline("1h30m") == expect("2026-01-31T13:30:00.000Z"));
  CHECK(deadline("") == expect("2026-01-31T12:00:00.000Z"));
  CHECK(deadline("10 SECONDS") == expect("2026-01-31T12:00:10.000Z"));
  for (const char* wrong : {"soon", "1 fortnight", "99999999999 years", "1.5 hours"}) {
    CHECK(deadline(wrong).find("takes one span of time") != std::string::npos);
  }
}

TEST_CASE("JSON is read as JSON", "[definition_file]") {
  CHECK(convert("{\n\t\"created\": \"2026-01-31T12:00:00Z\",\n\t\"extra\": {\"a\": "
                "\"\\ud83d\\ude00 \\\"q\\\" \\/\", \"n\": [1.50, -2e+3, true, null]}\n}\n") ==
        "{\"created\":\"2026-01-31T12:00:00Z\",\"extra\":{\"a\":\"\xF0\x9F\x98\x80 \\\"q\\\" /\","
        "\"n\":[1.50,-2e+3,true,null]},\"taskQueueId\":\"local/default\","
        "\"deadline\":\"2026-02-01T12:00:00.000Z\"}");
  CHECK(convert("{\"created\": \"2026-01-31T12:00:00Z\",\n \"extra\": {}, \"extra\": {}}") ==
        "t.yml:2:15: duplicate key `extra`; the first is in line 2");
  CHECK(convert("{\"tags\": {\"a\\\"b\": 1},\n \"retrys\": 1, \"created\": 3}") ==
        "t.yml:2:2: unknown key `retrys`; did you mean `retries`?\n"
        "t.yml:2:26: `created` is a span (`90m`, `30d`), a time (`2026-01-31T08:00:00Z`) or "
        "`{$fromNow: 2 hours}`");
  CHECK(convert("{\"extra\": " + std::string(200, '[') + std::string(200, ']') + "}") ==
        "t.yml:1:110: nested too deeply");
}

TEST_CASE("a field's path leads to where it was written", "[definition_file]") {
  Problems problems("t.yml");
  const auto definition = read_definition(R"(taskQueueId: a/b
scopes:
  - one
  - two
metadata:
  name: n
tags: {plain: x,
  "a b": y}
)",
                                          problems);
  REQUIRE(definition);
  const auto at = [&definition](const char* field) {
    const Position position = position_of(*definition, field);
    return std::to_string(position.line) + ":" + std::to_string(position.column);
  };
  CHECK(at("taskQueueId") == "1:14");
  CHECK(at("scopes") == "3:3");
  CHECK(at("scopes[1]") == "4:5");
  CHECK(at("scopes[2]") == "3:3");
  CHECK(at("metadata.name") == "6:9");
  CHECK(at("metadata.owner") == "6:3");
  CHECK(at("tags.plain") == "7:15");
  CHECK(at("tags[\"a b\"]") == "8:10");
  CHECK(at("deadline") == "1:1");
  CHECK(at("created") == "1:1");
  CHECK(at("") == "1:1");
}
