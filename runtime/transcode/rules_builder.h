// Works out the rules of schemas. The caller serialises access to the tables.
#pragma once

#include "runtime/transcode/rules.h"

#include <memory>
#include <unordered_map>

namespace troupe::transcode {

struct SchemaHash {
  std::size_t operator()(const capnp::Schema& schema) const { return schema.hashCode(); }
};

struct RuleTables {
  std::unordered_map<capnp::StructSchema, std::unique_ptr<StructRules>, SchemaHash> structs;
  std::unordered_map<capnp::EnumSchema, std::unique_ptr<EnumRules>, SchemaHash> enums;
};

/// The rules of `schema`, added to `tables` with those of all structs inside it if they are new.
/// Throws AssertionError as `struct_rules` does; then `tables` are as before.
const StructRules& build_struct_rules(RuleTables& tables, capnp::StructSchema schema);
const EnumRules& build_enum_rules(RuleTables& tables, capnp::EnumSchema schema);

}  // namespace troupe::transcode
