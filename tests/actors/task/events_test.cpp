// What is published: routing keys, copies and payloads. Source: spec/events.md, section 2.
#include "actors/task/exchanges.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>
#include <rapidjson/document.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace troupe::test {
namespace {

using Keys = std::set<std::string>;
using Json = rapidjson::Value;

const NewTask task{.queue = "proj-a/ci-linux",
                   .group = "G",
                   .scheduler = "s",
                   .retries = 1,
                   .routes = {"index.x", "checks"},
                   .tags = {{"kind", "test"}}};

Keys keys_of(const Json& object) {
  Keys keys;
  for (const auto& member : object.GetObject()) keys.insert(member.name.GetString());
  return keys;
}

rapidjson::Document parse(const std::string& text) {
  rapidjson::Document document;
  document.Parse(text.c_str());
  REQUIRE(document.IsObject());
  return document;
}

std::string name_of(const Event& event) {
  return event.exchange.substr(event.exchange.rfind('/') + 1);
}

// One event of every kind that is published, in the order of publication.
std::vector<Event> one_of_each() {
  Cast cast;
  const ActorId a = task_id("A");
  const std::string worker = "eu-1/i-123";
  cast.tell(worker_id(task.queue + "/" + worker), connect({.worker = worker, .queue = task.queue}));
  const auto claim = [&](const std::string& id) {
    REQUIRE(cast.ask(task_id(id), claim_by_name(cast.claim(id).run, worker, 1)).ok());
  };
  const auto report = [&](const std::string& id, Report what) {
    REQUIRE(cast.ask(task_id(id), resolve(cast.claim(id), what)).ok());
  };
  REQUIRE(cast.ask(a, create_task("A", task)).ok());
  claim("A");
  REQUIRE(cast.ask(a, put_artifact(cast.claim("A"), {})).ok());
  report("A", {Outcome::EXCEPTION, Reason::INTERMITTENT_TASK});
  claim("A");
  report("A", {Outcome::COMPLETED});
  REQUIRE(cast.ask(task_id("F"), create_task("F", task)).ok());
  claim("F");
  report("F", {Outcome::FAILED});
  REQUIRE(cast.ask(task_id("P"), create_task("P", task)).ok());
  REQUIRE(cast.ask(task_id("P"), change_priority(Priority::VERY_HIGH)).ok());
  REQUIRE(cast.ask(task_id("D"), create_task("D", task)).ok());
  REQUIRE(cast.ask(task_group_id("G"), change_group_priority(Priority::HIGH)).ok());
  cast.now = start + hour - minute;
  claim("D");
  REQUIRE(cast.ask(task_group_id("G"), seal()).ok());
  cast.advance(3 * minute);
  CHECK(cast.faults == std::vector<std::string>{});
  return cast.events;
}

// The first event with this name and, unless empty, this routing key.
const Event& find(const std::vector<Event>& events,
                  const std::string& name,
                  const std::string& key = "") {
  for (const Event& event : events) {
    if (name_of(event) == name && (key.empty() || event.routing_key == key)) return event;
  }
  FAIL("no " << name << " " << key);
  return events.front();
}

TEST_CASE("routing keys", "[events]") {
  const auto events = one_of_each();
  const std::string rest = ".proj-a.ci-linux.s.G._";
  find(events, "task-defined", "primary.A._._._" + rest);
  find(events, "task-pending", "primary.A.0._._" + rest);
  find(events, "task-running", "primary.A.0.eu-1.i-123" + rest);
  find(events, "artifact-created", "primary.A.0.eu-1.i-123" + rest);
  find(events, "task-exception", "primary.A.0.eu-1.i-123" + rest);
  find(events, "task-pending", "primary.A.1._._" + rest);
  find(events, "task-completed", "primary.A.1.eu-1.i-123" + rest);
  find(events, "task-failed", "primary.F.0.eu-1.i-123" + rest);
  find(events, "task-exception", "primary.D.0._._" + rest);  // the deadline: without its worker
  find(events, "task-priority-changed", "primary.P._._._" + rest);
  find(events, "task-group-sealed", "primary.G.s._");
  find(events, "task-group-priority-changed", "primary.G.s._");
  find(events, "task-group-resolved", "primary.G.s._");
}

TEST_CASE("routes are copies, groups have none", "[events]") {
  const std::vector<std::string> routes{"route.index.x", "route.checks"};
  for (const Event& event : one_of_each()) {
    INFO(event.exchange);
    CHECK(event.exchange == "exchange/taskcluster-queue/v1/" + name_of(event));
    const bool of_group = name_of(event).starts_with("task-group");
    CHECK(event.cc == (of_group ? std::vector<std::string>{} : routes));
  }
}

TEST_CASE("the references tell of what is published, and of nothing else", "[events]") {
  const auto reference = task::exchanges();
  std::map<std::string, std::string> schemas;
  for (const auto& exchange : reference.exchanges) schemas[exchange.name] = exchange.schema;
  Keys published;
  for (const Event& event : one_of_each()) {
    const auto name = name_of(event);
    INFO(name);
    published.insert(name);
    CHECK(event.exchange == api::exchange_prefix(reference.service) + name);
    REQUIRE(schemas.contains(name));
    const Keys keys = keys_of(parse(event.payload));
    Keys known;
    for (const auto& property : reference.schemas.at(schemas[name])) {
      known.insert(property.name);
      CHECK(parse(property.schema).MemberCount() > 0);
      if (property.required) CHECK(keys.contains(property.name));
    }
    for (const auto& key : keys) CHECK(known.contains(key));
  }
  CHECK(published.size() == schemas.size());
}

TEST_CASE("payloads have these fields", "[events]") {
  const auto events = one_of_each();
  const Keys with_worker{"version", "status", "runId", "workerGroup", "workerId", "task"};
  Keys running = with_worker;
  running.insert("takenUntil");
  const std::vector<std::pair<std::string, Keys>> expected{
      {"task-defined", {"version", "status", "task"}},
      {"task-pending", {"version", "status", "runId", "task"}},
      {"task-running", running},
      {"task-completed", with_worker},
      {"task-failed", with_worker},
      {"task-exception", with_worker},
      {"artifact-created", {"version", "status", "runId", "workerGroup", "workerId", "artifact"}},
      {"task-priority-changed", {"version", "status", "oldPriority", "newPriority"}},
      {"task-group-priority-changed",
       {"version", "taskGroupId", "schedulerId", "newPriority", "tasksAffected"}},
      {"task-group-sealed", {"version", "taskGroupId", "schedulerId", "expires", "sealed"}},
      {"task-group-resolved", {"version", "taskGroupId", "schedulerId", "expires"}},
  };
  for (const auto& [name, keys] : expected) {
    INFO(name);
    const auto payload = parse(find(events, name).payload);
    CHECK(keys_of(payload) == keys);
    CHECK(payload["version"].GetInt() == 1);
    if (payload.HasMember("task")) CHECK(payload["task"]["tags"]["kind"] == "test");
  }
  const auto deadline =
      parse(find(events, "task-exception", "primary.D.0._._.proj-a.ci-linux.s.G._").payload);
  CHECK(keys_of(deadline) == Keys{"version", "status", "runId", "task"});
  const auto artifact = parse(find(events, "artifact-created").payload);
  CHECK(keys_of(artifact["artifact"]) == Keys{"storageType", "name", "expires", "contentType"});
}

TEST_CASE("the status is that of the moment", "[events]") {
  const auto events = one_of_each();
  const auto defined = parse(find(events, "task-defined").payload);
  CHECK(defined["status"]["state"] == "unscheduled");
  CHECK(defined["status"]["runs"].Empty());
  const auto retried = parse(find(events, "task-exception").payload);
  CHECK(retried["runId"].GetInt() == 0);
  CHECK(retried["status"]["state"] == "pending");
  CHECK(retried["status"]["retriesLeft"].GetInt() == 0);
  REQUIRE(retried["status"]["runs"].Size() == 2);
  CHECK(retried["status"]["runs"][0]["reasonResolved"] == "intermittent-task");
  CHECK(retried["status"]["runs"][1]["reasonCreated"] == "task-retry");
  const auto running = parse(find(events, "task-running").payload);
  CHECK(running["takenUntil"] == format_time(start + 20 * minute).c_str());
}

TEST_CASE("a change of priority is told with both, and the status has the new one", "[events]") {
  const auto events = one_of_each();
  const auto changed = parse(find(events, "task-priority-changed").payload);
  CHECK(changed["oldPriority"] == "lowest");
  CHECK(changed["newPriority"] == "very-high");
  CHECK(changed["status"]["priority"] == "very-high");
  const auto of_group = parse(find(events, "task-group-priority-changed").payload);
  CHECK(of_group["newPriority"] == "high");
  CHECK(of_group["tasksAffected"].GetInt() == 2);  // P and D: the others have ended
}

TEST_CASE("a group outlives its tasks", "[events]") {
  Cast cast;
  const auto join = [&](const std::string& id, Instant expires) {
    const NewTask member{.group = "G", .expires = expires};
    REQUIRE(cast.ask(task_id(id), create_task(id, member)).ok());
  };
  const Instant expires = start + 2 * hour;
  join("A", expires);
  join("B", expires + 2 * hour);
  join("C", expires);
  REQUIRE(cast.ask(task_group_id("G"), seal()).ok());
  const auto sealed = parse(find(cast.events, "task-group-sealed").payload);
  CHECK(sealed["expires"] == format_time(expires + 3 * hour).c_str());
}

rapidjson::Document read_schema(const std::string& folder, const std::string& name) {
  std::ifstream file(folder + "/schemas/queue/v1/" + name + ".json");
  return parse({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
}

// The payload has all keys that the schema requires and none that it does not know.
void check_keys(const Json& payload, const Json& schema) {
  const Keys present = keys_of(payload);
  const Keys allowed = keys_of(schema["properties"]);
  for (const auto& key : present) {
    INFO(key);
    CHECK(allowed.count(key) == 1);
  }
  for (const auto& key : schema["required"].GetArray()) {
    INFO(key.GetString());
    CHECK(present.count(key.GetString()) == 1);
  }
}

TEST_CASE("payloads have the keys of the published schemas", "[events][contract]") {
  // One thread, and nobody changes the environment.
  const char* folder = std::getenv("TROUPE_CONTRACT_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published schemas");
    return;
  }
  const auto status_schema = read_schema(folder, "task-status");
  const Json& run_schema = status_schema["properties"]["runs"]["items"];
  const auto task_schema = read_schema(folder, "task-pulse-definition");
  Keys names;
  for (const Event& event : one_of_each()) {
    const bool of_group = name_of(event).starts_with("task-group");
    INFO(name_of(event));
    names.insert(name_of(event));
    const bool changed = of_group && !name_of(event).ends_with("-priority-changed");
    const std::string file = changed ? "task-group-changed" : name_of(event);
    const auto schema = read_schema(folder, file + "-message");
    const auto payload = parse(event.payload);
    check_keys(payload, schema);
    if (of_group) continue;
    check_keys(payload["status"], status_schema);
    for (const Json& run : payload["status"]["runs"].GetArray()) check_keys(run, run_schema);
    if (payload.HasMember("task")) check_keys(payload["task"], task_schema);
    if (payload.HasMember("artifact")) {
      CHECK(keys_of(payload["artifact"]) == Keys{"storageType", "name", "expires", "contentType"});
    }
  }
  CHECK(names.size() == 11);
}

}  // namespace
}  // namespace troupe::test
