// JSON <-> Cap'n Proto by reflection. What a field is in JSON and which values it may have stands
// in the schema, as annotations (schema/api/annotations.capnp); nothing here knows any one struct.
//
// A struct becomes an object with its fields in the order of the schema, a list an array, an enum
// its name, Data hexadecimal digits, an Int64 or UInt64 a number. Of an unnamed union only the
// field that is set is there. Interfaces and AnyPointer have no form in JSON: a struct that has
// such a field fails an assertion, as does an annotation that does not fit its field.
//
// Schemas must be compiled in: the rules worked out from one are kept for the life of the process.
// Thread: any.
#pragma once

#include "runtime/base/result.h"

#include <capnp/dynamic.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace troupe {

/// One thing that is wrong with an input.
struct FieldError {
  std::string path;     // `task.metadata.name`, `dependencies[3]`; empty: the whole
  std::string message;  // one line

  bool operator==(const FieldError&) const = default;
};

/// Compact JSON of a struct.
///
/// Requires that texts marked `jsonText` hold JSON, which `from_json` and `validate` see to; an
/// empty one is written as `{}`. Never fails on other contents: what is not UTF-8 becomes U+FFFD,
/// an unknown enumerant its number. Throws kj::Exception if the message itself is malformed.
std::string to_json(capnp::DynamicStruct::Reader value);

/// Compact JSON of one field of a struct, alone.
std::string to_json(capnp::DynamicStruct::Reader value, capnp::StructSchema::Field member);

/// As `from_json`, with an Error `malformed` for what is not JSON at all.
Result<std::vector<FieldError>> read_json(std::string_view json,
                                          capnp::DynamicStruct::Builder into);

/// Reads a JSON object into `into`, which holds exactly it and the defaults afterwards.
///
/// Returns all faults at once (at most `field_errors_max`), empty if there is none: malformed JSON
/// with line and column, unknown fields, wrong types, missing fields, broken limits. Of a name that
/// is there more than once the last value counts.
/// With faults `into` holds what was right; a field at fault holds anything that fits its type.
std::vector<FieldError> from_json(std::string_view json, capnp::DynamicStruct::Builder into);

/// Checks the limits of a message that did not come through `from_json`. A pointer that is null, or
/// an `optional` field that holds its default, counts as left out.
std::vector<FieldError> validate(capnp::DynamicStruct::Reader value);

/// One line each, `path: message`, for an Error's detail.
std::string describe(const std::vector<FieldError>& errors);

/// Name in JSON.
std::string enum_name(capnp::EnumSchema::Enumerant enumerant);

/// Name in JSON of the enumerant with this number; the number itself if the schema has none.
std::string enum_name(capnp::EnumSchema schema, std::uint16_t value);

/// Number of the enumerant with this name in JSON.
std::optional<std::uint16_t> enum_value(capnp::EnumSchema schema, std::string_view name);

template <class E>
requires std::is_enum_v<E> std::string enum_name(E value) {
  return enum_name(capnp::Schema::from<E>(), static_cast<std::uint16_t>(value));
}

template <class E>
requires std::is_enum_v<E> std::optional<E> enum_from_name(std::string_view name) {
  const auto value = enum_value(capnp::Schema::from<E>(), name);
  if (!value) return std::nullopt;
  return static_cast<E>(*value);
}

// Limits of an input.
constexpr std::size_t json_bytes_max = 64U << 20U;  // of one text
constexpr std::size_t json_depth_max = 200;         // objects and arrays inside each other
constexpr std::size_t json_values_max = 1'000'000;  // outside of free-form parts
constexpr std::size_t field_errors_max = 100;       // reported; a last line says that more follow

}  // namespace troupe
