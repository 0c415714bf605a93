#include "runtime/transcode/json_schema.h"

#include "runtime/transcode/tape.h"

#include <re2/re2.h>

#include <limits>
#include <utility>

namespace troupe::transcode {
namespace {

void write_schema(JsonWriter& json, const ValueRules& rules);

void write_bounds(JsonWriter& json,
                  const std::optional<Limits>& limits,
                  std::string_view least,
                  std::string_view most) {
  if (!limits) return;
  if (limits->min > 0) json.key(least).int64(limits->min);
  if (limits->max < std::numeric_limits<std::int64_t>::max()) json.key(most).int64(limits->max);
}

void write_properties(JsonWriter& json,
                      const StructRules& rules,
                      std::string_view constant = {},
                      std::string_view value = {}) {
  json.key("type").string("object").key("additionalProperties").boolean(false);
  json.key("properties").begin_object();
  if (!constant.empty()) {
    json.key(constant).begin_object().key("type").string("string");
    json.key("enum").begin_array().string(value).end_array().end_object();
  }
  for (const FieldRules& field : rules.fields) {
    json.key(field.name).begin_object();
    write_schema_keywords(json, field.value);
    if (field.fallback != nullptr) json.key("default").raw(compact_json(field.fallback->source()));
    json.end_object();
  }
  json.end_object().key("required").begin_array();
  if (!constant.empty()) json.string(constant);
  for (const FieldRules& field : rules.fields) {
    if (field.required) json.string(field.name);
  }
  json.end_array();
}

void write_structure(JsonWriter& json, const StructRules& rules) {
  if (rules.discriminator.empty()) return write_properties(json, rules);
  json.key("oneOf").begin_array();
  for (const FieldRules& member : rules.fields) {
    json.begin_object();
    write_properties(json, *member.value.structure, rules.discriminator, member.name);
    json.end_object();
  }
  json.end_array();
}

template <class T>
void write_range(JsonWriter& json, const Bounds<T>& bounds) {
  json.key("type").string("integer");
  // Limits of the type itself say nothing to somebody who writes JSON, except 0.
  if (std::cmp_greater(bounds.min, std::numeric_limits<std::int32_t>::min())) {
    json.key("minimum").int64(static_cast<std::int64_t>(bounds.min));
  }
  if (bounds.max < static_cast<T>(std::numeric_limits<std::int32_t>::max())) {
    json.key("maximum").int64(static_cast<std::int64_t>(bounds.max));
  }
}

void write_text(JsonWriter& json, const ValueRules& rules) {
  json.key("type").string("string");
  write_bounds(json, rules.length, "minLength", "maxLength");
  if (rules.pattern != nullptr) json.key("pattern").string(rules.pattern->pattern());
}

void write_names(JsonWriter& json, const EnumRules& rules) {
  json.key("type").string("string").key("enum").begin_array();
  for (const auto& name : rules.names) {
    if (!name.empty()) json.string(name);
  }
  json.end_array();
}

void write_list(JsonWriter& json, const ValueRules& rules) {
  json.key("type").string("array");
  write_bounds(json, rules.items, "minItems", "maxItems");
  if (rules.unique) json.key("uniqueItems").boolean(true);
  json.key("items");
  write_schema(json, *rules.item);
}

void write_map(JsonWriter& json, const ValueRules& rules) {
  json.key("type").string("object");
  write_bounds(json, rules.items, "minProperties", "maxProperties");
  json.key("additionalProperties");
  write_schema(json, *rules.item);
}

void write_schema(JsonWriter& json, const ValueRules& rules) {
  json.begin_object();
  write_schema_keywords(json, rules);
  json.end_object();
}

}  // namespace

void write_schema_keywords(JsonWriter& json, const ValueRules& rules) {
  switch (rules.shape) {
    case Shape::nothing: json.key("type").string("null"); break;
    case Shape::boolean: json.key("type").string("boolean"); break;
    case Shape::signed_integer: write_range(json, rules.signed_range); break;
    case Shape::unsigned_integer: write_range(json, rules.unsigned_range); break;
    case Shape::real:
    case Shape::float32: json.key("type").string("number"); break;
    case Shape::text: write_text(json, rules); break;
    case Shape::bytes:
      json.key("type").string("string").key("pattern").string("^([0-9a-fA-F]{2})*$");
      break;
    case Shape::json_text: json.key("type").string("object"); break;
    case Shape::any_json: break;
    case Shape::date_time:
      json.key("type").string("string").key("format").string("date-time");
      break;
    case Shape::enumerant: write_names(json, *rules.enumeration); break;
    case Shape::structure:
      write_structure(json, *rules.structure);
      write_bounds(json, rules.items, "minProperties", "maxProperties");
      break;
    case Shape::list: write_list(json, rules); break;
    case Shape::map: write_map(json, rules); break;
  }
}

}  // namespace troupe::transcode
