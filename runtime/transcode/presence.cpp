#include "runtime/transcode/presence.h"

#include <algorithm>

namespace troupe::transcode {
namespace {

bool all_default(const StructRules& rules, capnp::DynamicStruct::Reader value) {
  const auto active = rules.has_union ? value.which() : nullptr;
  return std::all_of(rules.fields.begin(), rules.fields.end(), [&](const FieldRules& field) {
    if (!field.in_union) return holds_default(field, value);
    const bool first = field.field.getProto().getDiscriminantValue() == 0;
    return is_active(active, field.field) ? first && holds_default(field, value) : !first;
  });
}

}  // namespace

bool is_active(const kj::Maybe<capnp::StructSchema::Field>& active,
               const capnp::StructSchema::Field& field) {
  KJ_IF_MAYBE (set, active) return *set == field;
  return false;
}

bool holds_default(const FieldRules& field, capnp::DynamicStruct::Reader value) {
  switch (field.value.shape) {
    case Shape::text:
    case Shape::json_text:
    case Shape::any_json: {
      const auto text = value.get(field.field).as<capnp::Text>();
      return std::string_view(text.begin(), text.size()) == field.schema_default;
    }
    case Shape::bytes: return value.get(field.field).as<capnp::Data>().size() == 0;
    case Shape::list:
    case Shape::map: return value.get(field.field).as<capnp::DynamicList>().size() == 0;
    case Shape::structure:
      return !value.has(field.field) ||
             all_default(*field.value.structure, value.get(field.field).as<capnp::DynamicStruct>());
    case Shape::nothing:
    case Shape::boolean:
    case Shape::signed_integer:
    case Shape::unsigned_integer:
    case Shape::real:
    case Shape::float32:
    case Shape::date_time:
    case Shape::enumerant: return !value.has(field.field, capnp::HasMode::NON_DEFAULT);
  }
  return false;
}

}  // namespace troupe::transcode
