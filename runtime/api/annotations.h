// The annotations of schema/api/annotations.capnp that are about services and methods.
#pragma once

#include "schema/api/annotations.capnp.h"

#include <capnp/schema.capnp.h>

#include <optional>
#include <string>

namespace troupe::api {

using AnnotationList = capnp::List<capnp::schema::Annotation>::Reader;

/// `$service` of an interface, `$method` of a method; nothing without one. Borrowed from the
/// schema.
std::optional<schema::Service::Reader> service_notes(AnnotationList list);
std::optional<schema::Method::Reader> method_notes(AnnotationList list);

/// Whether a parameter is marked `$rpcOnly`, and a field of an answer `$body`.
bool is_rpc_only(AnnotationList list);
bool is_body(AnnotationList list);

/// A scope expression as `ScopeTemplate::parse` reads it.
std::string scope_template_text(schema::ScopeExpression::Reader expression);

}  // namespace troupe::api
