// The API as the schema defines it: services, their methods, and what each is over HTTP and RPC.
// Worked out by reflection from the annotations of schema/api; there is no second list.
#pragma once

#include "runtime/scopes/scope_expression.h"

#include <capnp/schema.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transcode {
struct FieldRules;
struct StructRules;
}  // namespace troupe::transcode

namespace troupe::api {

/// Where HTTP has a parameter; over RPC all are fields of the call.
enum class Place : std::uint8_t { route, query, body, rpc_only };

struct Parameter {
  std::string name;
  Place place = Place::query;
  const transcode::FieldRules* rules = nullptr;  // its type and limits
};

struct Method {
  std::string name;     // unlike all others of its service
  std::string service;  // the name of that
  capnp::InterfaceSchema::Method schema;
  std::uint64_t interface_id = 0;  // with `id`, how RPC names it
  std::uint16_t id = 0;

  std::string verb;   // `GET`, `POST`, `PUT`, `DELETE`
  std::string route;  // below the service's prefix; empty: over RPC alone
  std::string title;
  std::string description;
  std::string category;
  std::string stability;
  std::string input;   // name of the body's schema; empty: no body
  std::string output;  // name of the answer's schema; empty: none

  std::optional<ScopeTemplate> scopes;  // what a caller needs; nothing: it is public
  bool checked_first = false;  // all that the template takes is in the route: check before the call
  std::vector<Parameter> parameters;                 // in the order of the schema
  const transcode::StructRules* params = nullptr;    // of the whole call
  std::optional<std::size_t> body;                   // index in `parameters`
  std::optional<capnp::StructSchema::Field> answer;  // the field that alone is the answer
  bool answers_nothing = false;                      // 204 over HTTP

  bool is_public() const { return !scopes.has_value(); }
};

struct Service {
  std::string name;     // as URLs have it: `auth`
  std::string version;  // `v1`
  std::string title;
  std::string description;
  std::vector<Method> methods;  // those of its parts last

  /// By the name that clients call; null if there is none.
  const Method* find(std::string_view name) const;
  /// As RPC names it; null if there is none.
  const Method* find(std::uint64_t interface_id, std::uint16_t method_id) const;
  /// `/api/auth/v1`.
  std::string prefix() const { return "/api/" + name + "/" + version; }
};

/// What the schema says of a service, compiled in. Throws AssertionError where its annotations do
/// not fit together: a fault of the program that shows at its start.
Service read_service(capnp::InterfaceSchema schema);

}  // namespace troupe::api
