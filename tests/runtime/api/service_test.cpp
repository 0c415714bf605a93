// What is read from a schema.
#include "runtime/api/service.h"

#include "runtime/api/references.h"
#include "runtime/base/assert.h"
#include "schema/api/auth.capnp.h"
#include "schema/api/queue.capnp.h"
#include "schema/api/troupe.capnp.h"
#include "tests/runtime/api/support.h"

#include <catch2/catch.hpp>

namespace troupe::api {
namespace {

template <class Interface>
std::string fault() {
  try {
    read_service(capnp::Schema::from<Interface>());
    return "";
  } catch (const AssertionError& error) {
    return error.what();
  }
}

TEST_CASE("a method is what its annotations say", "[api]") {
  const Method* read = notes().find("read");
  REQUIRE(read != nullptr);
  CHECK(read->verb == "GET");
  CHECK(read->route == "/note/<id>");
  CHECK(read->stability == "stable");
  CHECK(read->category == "Notes");
  CHECK(read->output == "note");
  CHECK(read->input.empty());
  CHECK(read->checked_first);
  CHECK(read->scopes->text() == "notes:read:<id>");
  REQUIRE(read->parameters.size() == 2);
  CHECK(read->parameters[0].place == Place::route);
  CHECK(read->parameters[1].place == Place::query);

  const Method* write = notes().find("write");
  REQUIRE(write != nullptr);
  CHECK(write->input == "note");
  CHECK_FALSE(write->checked_first);
  CHECK(write->stability == "experimental");
  CHECK(write->parameters[2].place == Place::rpc_only);
}

TEST_CASE("answers have one of three forms", "[api]") {
  CHECK(notes().find("list")->answer);
  CHECK(notes().find("forget")->answers_nothing);
  CHECK_FALSE(notes().find("read")->answer);
  CHECK_FALSE(notes().find("read")->answers_nothing);
}

TEST_CASE("a service has the methods of its parts", "[api]") {
  const Method* alive = notes().find("alive");
  REQUIRE(alive != nullptr);
  CHECK(alive->is_public());
  CHECK(alive->interface_id != notes().find("read")->interface_id);
  CHECK(notes().find(alive->interface_id, alive->id) == alive);
  CHECK(notes().find(1, 0) == nullptr);
}

TEST_CASE("a method without a route checks what is a field of its call", "[api]") {
  CHECK(notes().find("whisper")->checked_first);
}

TEST_CASE("annotations that do not fit are refused", "[api]") {
  CHECK(fault<sample::Nameless>().find("is no service") != std::string::npos);
  CHECK(fault<sample::Unmarked>().find("unmarked.method: it has no $method") != std::string::npos);
  CHECK(fault<sample::Openhanded>().find("neither `needs` nor `public`") != std::string::npos);
  CHECK(fault<sample::Mistaken>().find("a parameter that it lacks: other") != std::string::npos);
}

TEST_CASE("the program's own services can be read", "[api]") {
  CHECK(read_service(capnp::Schema::from<schema::Auth>()).methods.size() == 36);
  CHECK(read_service(capnp::Schema::from<schema::Queue>()).find("createTask") != nullptr);
  CHECK(read_service(capnp::Schema::from<schema::Troupe>()).find("explain") != nullptr);
}

TEST_CASE("references and schemas are made of the same", "[api]") {
  const auto documents = make_references({.services = {&notes()}}, "https://example.com");
  const auto& reference = documents.at("/references/notes/v1/api.json");
  CHECK(reference.find(R"("name":"list","title":"List","description":"","category":"",)"
                       R"("method":"get","route":"/notes/<prefix>","args":["prefix"],)"
                       R"("query":[],"stability":"stable","scopes":"notes:list",)"
                       R"("output":"v1/notes.json#")") != std::string::npos);
  CHECK(reference.find("whisper") == std::string::npos);
  CHECK(documents.at("/schemas/notes/v1/note.json") ==
        R"({"$schema":"https://example.com/schemas/common/metaschema.json#",)"
        R"("$id":"https://example.com/schemas/notes/v1/note.json#","title":"Note",)"
        R"("type":"object","additionalProperties":false,"properties":{)"
        R"("text":{"type":"string","maxLength":5},)"
        R"("labels":{"type":"array","items":{"type":"string"},"default":[]},)"
        R"("urgent":{"type":"boolean","default":true}},"required":["text"]})");
  CHECK(documents.at("/schemas/notes/v1/notes.json").find(R"("type":"array")") !=
        std::string::npos);
  CHECK(documents.at("/references/manifest.json").find("notes/v1/api.json") != std::string::npos);
  // Programs read this one without a server: its addresses are relative.
  CHECK(documents.at("/references/references.json").find("example.com") == std::string::npos);
}

}  // namespace
}  // namespace troupe::api
