// The parameters of a call: from the parts of an HTTP request, and their limits over RPC.
#pragma once

#include "runtime/api/service.h"
#include "runtime/base/result.h"

#include <capnp/dynamic.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::api {

/// Name and decoded value, in the order of the route or of the query string.
using NamedTexts = std::vector<std::pair<std::string, std::string>>;

/// The value of one of these; null without one.
const std::string* find_text(const NamedTexts& texts, std::string_view name);

/// The texts and numbers that the method's scope expression takes, from a call's parameters.
ScopeParameters scope_values(const Method& method, capnp::DynamicStruct::Reader params);
/// The same, from those of the route.
ScopeParameters scope_values(const Method& method, const NamedTexts& route);

/// Checks all limits of a call that came over RPC. Throws `bad_arguments`, `invalid_payload`.
/// Methods that have no face but RPC check theirs themselves.
void check_parameters(const Method& method, capnp::DynamicStruct::Reader params);

/// Whether a `Content-Type` says that a body is JSON: no other counts.
bool is_json_type(std::string_view content_type);

/// Splits `a=1&b=2`. `+` is a space; a name without `=` has an empty value. Fails with
/// `bad_arguments` if an escape is malformed.
Result<NamedTexts> read_query(std::string_view query);

/// Put the parts of a request into the parameters. Fail with `bad_arguments`, all faults in one.
/// Source of the texts: spec/api-framework.md, "Route parameter and query validation".
Status fill_route(const Method& method,
                  const NamedTexts& route,
                  capnp::DynamicStruct::Builder params);
Status fill_query(const Method& method,
                  const NamedTexts& query,
                  capnp::DynamicStruct::Builder params);
/// Fails with `invalid_payload`; `schema_id` is the URL of the body's schema, for the message.
Status fill_body(const Method& method,
                 std::string_view json,
                 const std::string& schema_id,
                 capnp::DynamicStruct::Builder params);

}  // namespace troupe::api
