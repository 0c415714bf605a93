// The schemas of the API, as transcoding sees them.
#include "schema/api/queue.capnp.h"
#include "schema/api/troupe.capnp.h"
#include "tests/runtime/transcode/support.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using schema::TaskDefinition;
using schema::TaskStatus;

constexpr std::string_view least = R"({
  "created": "2026-01-31T08:00:00Z",
  "deadline": "2026-01-31T09:00:00Z",
  "payload": {"command": [["true"]], "maxRunTime": 60},
  "metadata": {"name": "n", "description": "", "owner": "o", "source": "https://example.org/"}
})";

bool has_interface(capnp::StructSchema schema) {
  for (const auto field : schema.getFields()) {
    if (field.getType().isInterface()) return true;
  }
  return false;
}

// Only missing fields may be wrong with an empty object: then each annotation fits, and each
// default is valid.
void check_empty_object(capnp::StructSchema schema) {
  if (has_interface(schema)) return;
  capnp::MallocMessageBuilder message;
  const auto root = message.initRoot<capnp::DynamicStruct>(schema);
  INFO(schema.getProto().getDisplayName().cStr());
  for (const FieldError& error : from_json("{}", root)) {
    CHECK(error.message == "required, but missing");
  }
  CHECK(to_json(root.asReader()).front() == '{');
}

TEST_CASE("parameters and results of each method have a form in JSON", "[transcode]") {
  const capnp::InterfaceSchema services[] = {capnp::Schema::from<schema::Queue>(),
                                             capnp::Schema::from<schema::Troupe>()};
  for (const auto& service : services) {
    for (const auto method : service.getMethods()) {
      check_empty_object(method.getParamType());
      check_empty_object(method.getResultType());
    }
  }
}

TEST_CASE("the least definition of a task gets its defaults", "[transcode]") {
  CHECK(rewritten<TaskDefinition>(least) ==
        R"({"schedulerId":"-","projectId":"none","dependencies":[],"requires":"all-completed",)"
        R"("routes":[],"priority":"lowest","retries":5,"created":"2026-01-31T08:00:00.000Z",)"
        R"("deadline":"2026-01-31T09:00:00.000Z","scopes":[],)"
        R"("payload":{"command":[["true"]],"maxRunTime":60},"metadata":{"name":"n",)"
        R"("description":"","owner":"o","source":"https://example.org/"},"tags":{},"extra":{}})");
}

TEST_CASE("faults of a definition are found all at once", "[transcode]") {
  CHECK(faults<TaskDefinition>(R"({
    "taskQueueId": "proj/Upper",
    "dependencies": ["fN1SbArXTPSVFNUvaOlinQ", "nope"],
    "dependancies": [],
    "priority": "normal",
    "retries": 50,
    "created": "yesterday",
    "routes": "index.a",
    "payload": [],
    "metadata": {"name": "n", "description": "d", "source": "ftp://example.org"},
    "tags": {"kind": 5}
  })") ==
        "taskQueueId: \"proj/Upper\" is not a task queue such as local/default: "
        "PROVISIONER/WORKER-TYPE, the latter in lower case\n"
        "dependencies[1]: \"nope\" is not an id of 22 characters such as fN1SbArXTPSVFNUvaOlinQ\n"
        "unknown field \"dependancies\"; did you mean \"dependencies\"?\n"
        "priority: must be one of \"lowest\", \"very-low\", \"low\", \"medium\", \"high\", "
        "\"very-high\", \"highest\", not \"normal\"\n"
        "retries: must be from 0 to 49, not 50\n"
        "created: \"yesterday\" is not a date and time such as 2026-01-31T08:00:00.000Z\n"
        "routes: must be a list, not a string\n"
        "payload: must be an object, not a list\n"
        "metadata.source: \"ftp://example.org\" is not a URL that begins with https://, http://, "
        "ssh:// or git@\n"
        "metadata.owner: required, but missing\n"
        "tags.kind: must be a string, not a number\n"
        "deadline: required, but missing");
}

TEST_CASE("a definition that came over RPC is checked like one in JSON", "[transcode]") {
  Message<TaskDefinition> message(least);
  REQUIRE(message.errors.empty());
  CHECK(validate(message.root.asReader()).empty());
  message.root.initRoutes(2);
  message.root.setRetries(-1);
  message.root.setPayload("");
  CHECK(describe(validate(message.root.asReader())) ==
        "routes[0]: must have at least 1 character, not 0\n"
        "routes[1]: must have at least 1 character, not 0\n"
        "routes[1]: \"\" is there already, as item 0\n"
        "retries: must be from 0 to 49, not -1\n"
        "payload: malformed JSON at line 1, column 1: The document is empty");
}

TEST_CASE("a status leaves out what has not happened yet", "[transcode]") {
  Message<TaskStatus> message;
  auto root = message.root;
  root.setTaskId("fN1SbArXTPSVFNUvaOlinQ");
  root.setState(schema::TaskState::PENDING);
  auto run = root.initRuns(1)[0];
  run.setState(schema::TaskState::PENDING);
  run.setReasonCreated(schema::ReasonCreated::TASK_RETRY);
  run.setScheduled(1'769'846'400'000);
  CHECK(message.json().find(R"("runs":[{"runId":0,"state":"pending","reasonCreated":"task-retry",)"
                            R"("scheduled":"2026-01-31T08:00:00.000Z"}])") != std::string::npos);
}

}  // namespace
}  // namespace troupe
