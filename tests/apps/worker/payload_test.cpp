#include "apps/troupe/worker/payload.h"

#include <catch2/catch.hpp>

namespace troupe::worker {
namespace {

const std::string dependency = "fN1SbArXTPSVFNUvaOlinQ";

TaskFacts task_with(std::string payload) {
  TaskFacts task;
  task.id = {"VjOhyDQ-SYqrs8XvhMf0aQ", 0, 7};
  task.deadline = *parse_time("2026-01-02T00:00:00Z");
  task.expires = *parse_time("2026-02-01T00:00:00Z");
  task.dependencies = {dependency};
  task.scopes = {"generic-worker:cache:build-*"};
  task.payload = std::move(payload);
  return task;
}

// A payload with `rest` beside the two fields that every one must have.
std::string with(const std::string& rest) {
  return R"({"command":[["true"]],"maxRunTime":60)" + (rest.empty() ? "" : "," + rest) + "}";
}

std::string errors_of(const std::string& payload) {
  const auto read = read_payload(task_with(payload));
  REQUIRE(!read.ok());
  CHECK(read.error().code == Errc::invalid);
  return read.error().detail;
}

TEST_CASE("a whole payload is read", "[worker][payload]") {
  const auto read = read_payload(task_with(R"({
    "command": [["/bin/sh", "-c", "echo \"hi\""], ["true"]],
    "maxRunTime": 90,
    "env": {"A": "1", "EMPTY": ""},
    "features": {"backingLog": true, "liveLog": true},
    "artifacts": [{"type": "file", "path": "out.txt", "expires": "2026-01-03T00:00:00Z"},
                  {"type": "directory", "path": "report", "name": "public/report",
                   "contentType": "text/html", "optional": true, "contentEncoding": "gzip"}],
    "mounts": [
      {"cacheName": "build-x", "directory": "cache"},
      {"directory": "src", "format": "tar.zst",
       "content": {"taskId": "fN1SbArXTPSVFNUvaOlinQ", "artifact": "public/s.tar.zst"}},
      {"file": "a.txt", "content": {"raw": "hello"}},
      {"file": "b.bin", "content": {"base64": "AAE="}, "format": "gz"}],
    "onExitStatus": {"retry": [75, 137], "purgeCaches": [0, 3]},
    "logs": {"live": "public/my.log"}
  })"));
  REQUIRE(read.ok());
  const Payload& payload = read.value();
  CHECK(payload.commands.size() == 2);
  CHECK(payload.commands[0][2] == "echo \"hi\"");
  CHECK(payload.max_run_time == std::chrono::seconds{90});
  CHECK(payload.env.size() == 2);
  REQUIRE(payload.artifacts.size() == 2);
  CHECK(payload.artifacts[0].name == "out.txt");
  CHECK(payload.artifacts[0].expires == *parse_time("2026-01-03T00:00:00Z"));
  CHECK(payload.artifacts[1].optional);
  CHECK(payload.artifacts[1].content_type == "text/html");
  REQUIRE(payload.mounts.size() == 4);
  CHECK(payload.mounts[0].kind == Mount::Kind::cache);
  CHECK(payload.mounts[1].packing == Packing::tar_zst);
  CHECK(std::get<ArtifactContent>(payload.mounts[1].content).name == "public/s.tar.zst");
  CHECK(std::get<InlineContent>(payload.mounts[2].content).bytes == "hello");
  CHECK(std::get<InlineContent>(payload.mounts[3].content).bytes == std::string("\0\1", 2));
  CHECK(payload.retry_codes == std::set<int>{75, 137});
  CHECK(payload.purge_cache_codes == std::set<int>{0, 3});
  CHECK(payload.live_log_name == "public/my.log");
  CHECK(payload.backing_log_name == "public/logs/live_backing.log");
}

TEST_CASE("what is wrong in a payload is named with its path", "[worker][payload]") {
  struct Case {
    std::string payload;
    std::string error;
  };
  const auto c = GENERATE_COPY(values<Case>({
      {"[]", "payload: must be an object"},
      {"{", "payload: not JSON at byte"},
      {R"({"maxRunTime":1})", "payload.command: is required"},
      {R"({"command":[["true"]]})", "payload.maxRunTime: is required"},
      {R"({"command":[],"maxRunTime":1})", "payload.command: must have at least one item"},
      {R"({"command":["true"],"maxRunTime":1})", "payload.command[0]: must be an array"},
      {R"({"command":[[]],"maxRunTime":1})", "payload.command[0]: must have at least one"},
      {R"({"command":[["a",1]],"maxRunTime":1})", "payload.command[0][1]: must be a string"},
      {R"({"command":[["a\u0000"]],"maxRunTime":1})", "payload.command[0][0]: must not contain"},
      {R"({"command":[["a"]],"maxRunTime":0})", "payload.maxRunTime: must be an integer from 1"},
      {R"({"command":[["a"]],"maxRunTime":1.5})", "payload.maxRunTime: must be an integer"},
      {R"({"command":[["a"]],"maxRunTime":1,"maxRunTime":2})", "payload.maxRunTime: is written"},
      {with(R"("image":"ubuntu")"), "payload.image: is not known to this worker"},
      {with(R"("env":{"A":1})"), "payload.env.A: must be a string"},
      {with(R"("env":{"A=B":"1"})"), "payload.env.A=B: is not the name of a variable"},
      {with(R"("env":[])"), "payload.env: must be an object"},
      {with(R"("features":{"taskclusterProxy":true})"), "payload.features.taskclusterProxy: is"},
      {with(R"("features":{"liveLog":false})"), "payload.features.liveLog: cannot be switched"},
      {with(R"("onExitStatus":{"retry":[0]})"), "payload.onExitStatus.retry[0]: must be an int"},
      {with(R"("onExitStatus":{"retry":[7,7]})"), "payload.onExitStatus.retry[1]: is written"},
      {with(R"("logs":{"live":""})"), "payload.logs.live: must have 1 to 1024"},
  }));
  INFO(c.payload);
  CHECK_THAT(errors_of(c.payload), Catch::Contains(c.error));
}

TEST_CASE("artifacts of a payload are checked", "[worker][payload]") {
  struct Case {
    std::string artifact;
    std::string error;
  };
  const auto c = GENERATE(values<Case>({
      {R"({"path":"a"})", ".type: is required"},
      {R"({"type":"volume","path":"a"})", ".type: must be `file` or `directory`"},
      {R"({"type":"file"})", ".path: is required"},
      {R"({"type":"file","path":"a","size":1})", ".size: is not known"},
      {R"({"type":"file","path":"a","name":"é"})", ".name: must have 1 to 1024 printable"},
      {R"({"type":"file","path":"a","expires":"soon"})", ".expires: must be a time"},
      {R"({"type":"file","path":"a","expires":"2026-01-01T00:00:00Z"})", ".expires: must lie"},
      {R"({"type":"file","path":"a","expires":"2026-03-01T00:00:00Z"})", ".expires: must lie"},
      {R"({"type":"file","path":"a","contentEncoding":"br"})", ".contentEncoding: must be"},
      {R"({"type":"file","path":"a"},{"type":"file","path":"a"})", "[1]: is written twice"},
  }));
  INFO(c.artifact);
  CHECK_THAT(errors_of(with(R"("artifacts":[)" + c.artifact + "]")), Catch::Contains(c.error));
}

TEST_CASE("mounts of a payload are checked", "[worker][payload]") {
  struct Case {
    std::string mount;
    std::string error;
  };
  const auto c = GENERATE(values<Case>({
      {R"({})", "mounts[0]: must have `file`"},
      {R"({"file":"a"})", "mounts[0].content: is required"},
      {R"({"directory":"a","content":{"raw":"x"}})", "`content` and `format` go together"},
      {R"({"directory":"a","format":"rar","content":{"raw":"x"}})", "`rar` is not supported"},
      {R"({"file":"a","format":"tar","content":{"raw":"x"}})", "`tar` is not supported"},
      {R"({"file":"a","content":{"url":"http://x/"}})", "from a URL or from the index"},
      {R"({"file":"a","content":{"namespace":"a.b","artifact":"c"}})", "from a URL or from"},
      {R"({"file":"a","content":{"base64":"***"}})", ".base64: is not base64"},
      {R"({"file":"a","content":{"raw":"x","sha256":"00"}})", ".sha256: is not known"},
      {R"({"file":"a","content":{"taskId":"nonsense","artifact":"x"}})", "is not a task id"},
      {R"({"file":"a","content":{"taskId":"VjOhyDQ-SYqrs8XvhMf0aQ","artifact":"x"}})",
       "not among the task's dependencies"},
      {R"({"file":"a","content":{"taskId":"fN1SbArXTPSVFNUvaOlinQ","artifact":"x","sha256":"0"}})",
       ".sha256: must be 64 hexadecimal digits"},
      {R"({"cacheName":"other","directory":"c"})", "needs the scope `generic-worker:cache:other`"},
      {R"({"cacheName":"build-x"})", ".directory: is required"},
  }));
  INFO(c.mount);
  CHECK_THAT(errors_of(with(R"("mounts":[)" + c.mount + "]")), Catch::Contains(c.error));
}

TEST_CASE("all errors of a payload are reported, up to a limit", "[worker][payload]") {
  SECTION("several at once") {
    const auto text = errors_of(R"({"command":[1],"maxRunTime":"x","nonsense":true})");
    CHECK_THAT(text, Catch::Contains("payload.command[0]"));
    CHECK_THAT(text, Catch::Contains("payload.maxRunTime"));
    CHECK_THAT(text, Catch::Contains("payload.nonsense"));
  }
  SECTION("not without end") {
    std::string items;
    for (int i = 0; i < 1000; ++i) items += i == 0 ? "1" : ",1";
    const auto text = errors_of(R"({"command":[)" + items + R"(],"maxRunTime":1})");
    CHECK_THAT(text, Catch::Contains("... and 900 more"));
  }
  SECTION("nor with all of the stack") {
    CHECK_THAT(errors_of(std::string(1'000'000, '[')), Catch::Contains("not JSON"));
  }
}

}  // namespace
}  // namespace troupe::worker
