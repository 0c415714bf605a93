// What JSON may hold, field by field: worked out from a schema and its annotations once, so that
// reading and writing never look at an annotation.
#pragma once

#include <capnp/schema.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace troupe::transcode {

class Tape;
struct StructRules;

enum class Shape : std::uint8_t {
  nothing,  // Void: null
  boolean,
  signed_integer,
  unsigned_integer,
  real,  // Float64
  float32,
  text,
  bytes,      // Data: hexadecimal digits
  json_text,  // Text: an object of any contents
  any_json,   // Text: any value
  date_time,  // Int64: RFC 3339
  enumerant,
  structure,
  list,
  map,  // List of {key, value}: an object
};

/// Inclusive bounds.
template <class T>
struct Bounds {
  T min = 0;
  T max = std::numeric_limits<T>::max();
};
using Limits = Bounds<std::int64_t>;

struct EnumRules {
  capnp::EnumSchema schema;
  std::vector<std::string> names;  // in JSON, by number
};

struct ValueRules {
  ValueRules();
  ~ValueRules();
  ValueRules(ValueRules&&) noexcept;
  ValueRules& operator=(ValueRules&&) noexcept;

  Shape shape = Shape::nothing;
  const StructRules* structure = nullptr;  // structure; map: of its entries
  const EnumRules* enumeration = nullptr;  // enumerant
  std::unique_ptr<ValueRules> item;        // list: of an item; map: of a value
  capnp::StructSchema::Field key_field;    // map
  capnp::StructSchema::Field value_field;  // map

  // What the Cap'n Proto type can hold, narrowed by `range`.
  Bounds<std::int64_t> signed_range;
  Bounds<std::uint64_t> unsigned_range;
  bool zero_is_absent = false;              // date_time
  std::optional<Limits> length;             // text
  std::unique_ptr<const re2::RE2> pattern;  // text
  std::string form;                         // text: what the pattern asks for; may be empty
  std::optional<Limits> items;              // list, map; structure: of its properties
  bool unique = false;                      // list of texts
};

struct FieldRules {
  FieldRules();
  ~FieldRules();
  FieldRules(FieldRules&&) noexcept;
  FieldRules& operator=(FieldRules&&) noexcept;

  capnp::StructSchema::Field field;
  std::string name;  // in JSON
  ValueRules value;
  bool optional = false;
  bool required = false;
  bool in_union = false;
  std::string_view schema_default;  // of a text: what Cap'n Proto reads from a null pointer
  std::unique_ptr<Tape> fallback;   // `default`, parsed
};

struct StructRules {
  capnp::StructSchema schema;
  ValueRules self;                 // as a value of its own
  std::vector<FieldRules> fields;  // in the order of the schema's text
  bool has_union = false;
  std::string schema_name;  // of its JSON schema; may be empty

  // Of a union that is told apart by a property: the property's name, and rules that know it alone.
  std::string discriminator;
  std::unique_ptr<StructRules> discriminator_rules;

  /// Index in `fields`, or nothing if no field has this name in JSON.
  std::optional<std::uint16_t> find(std::string_view name) const;

  std::vector<std::uint16_t> by_name;  // indexes of `fields`, sorted by name
};

/// The rules of a compiled-in schema; valid for the life of the process.
/// Throws AssertionError if the schema has no form in JSON or an annotation does not fit its field.
const StructRules& struct_rules(capnp::StructSchema schema);
const EnumRules& enum_rules(capnp::EnumSchema schema);

}  // namespace troupe::transcode
