#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/time.h"
#include "runtime/transcode/limits.h"
#include "runtime/transcode/presence.h"
#include "runtime/transcode/rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace troupe::transcode {
namespace {

std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

class Encoder {
 public:
  void structure(const StructRules& rules, capnp::DynamicStruct::Reader value);
  void write(const ValueRules& rules, const capnp::DynamicValue::Reader& value);
  std::string take() { return json_.take(); }

 private:
  void members(const StructRules& rules, capnp::DynamicStruct::Reader value);
  void list(const ValueRules& rules, capnp::DynamicList::Reader items);
  void map(const ValueRules& rules, capnp::DynamicList::Reader entries);
  void enumerant(const EnumRules& rules, capnp::DynamicEnum value);
  void float32(float value);

  JsonWriter json_;
  std::size_t depth_ = 0;
};

void Encoder::structure(const StructRules& rules, capnp::DynamicStruct::Reader value) {
  // Only a struct that holds itself without being `optional` there is endless.
  TROUPE_EXPECTS(depth_ < json_depth_max);
  ++depth_;
  json_.begin_object();
  members(rules, value);
  json_.end_object();
  --depth_;
}

void Encoder::members(const StructRules& rules, capnp::DynamicStruct::Reader value) {
  const auto active = rules.has_union ? value.which() : nullptr;
  for (const FieldRules& field : rules.fields) {
    if (field.in_union && !is_active(active, field.field)) continue;
    if (!rules.discriminator.empty()) {
      json_.key(rules.discriminator).string(field.name);
      members(*field.value.structure, value.get(field.field).as<capnp::DynamicStruct>());
      continue;
    }
    if (field.optional && holds_default(field, value)) continue;
    json_.key(field.name);
    write(field.value, value.get(field.field));
  }
}

void Encoder::write(const ValueRules& rules, const capnp::DynamicValue::Reader& value) {
  switch (rules.shape) {
    case Shape::nothing: json_.null(); break;
    case Shape::boolean: json_.boolean(value.as<bool>()); break;
    case Shape::signed_integer: json_.int64(value.as<std::int64_t>()); break;
    case Shape::unsigned_integer: json_.uint64(value.as<std::uint64_t>()); break;
    case Shape::real: json_.number(value.as<double>()); break;
    case Shape::float32: float32(value.as<float>()); break;
    case Shape::text: json_.string(view(value.as<capnp::Text>())); break;
    case Shape::bytes: {
      const auto bytes = value.as<capnp::Data>();
      json_.string(to_hex({bytes.begin(), bytes.size()}));
      break;
    }
    case Shape::json_text: {
      const std::string_view text = view(value.as<capnp::Text>());
      json_.raw(text.empty() ? "{}" : text);
      break;
    }
    case Shape::any_json: {
      const std::string_view text = view(value.as<capnp::Text>());
      json_.raw(text.empty() ? "null" : text);
      break;
    }
    case Shape::date_time: {
      const auto ms = std::clamp(value.as<std::int64_t>(), time_ms_min, time_ms_max);
      json_.string(format_time(Instant{ms}));
      break;
    }
    case Shape::enumerant: enumerant(*rules.enumeration, value.as<capnp::DynamicEnum>()); break;
    case Shape::structure: structure(*rules.structure, value.as<capnp::DynamicStruct>()); break;
    case Shape::list: list(rules, value.as<capnp::DynamicList>()); break;
    case Shape::map: map(rules, value.as<capnp::DynamicList>()); break;
  }
}

void Encoder::list(const ValueRules& rules, capnp::DynamicList::Reader items) {
  json_.begin_array();
  for (const auto item : items) write(*rules.item, item);
  json_.end_array();
}

void Encoder::map(const ValueRules& rules, capnp::DynamicList::Reader entries) {
  json_.begin_object();
  for (const auto item : entries) {
    const auto entry = item.as<capnp::DynamicStruct>();
    json_.key(view(entry.get(rules.key_field).as<capnp::Text>()));
    write(*rules.item, entry.get(rules.value_field));
  }
  json_.end_object();
}

void Encoder::enumerant(const EnumRules& rules, capnp::DynamicEnum value) {
  if (value.getRaw() < rules.names.size()) {
    json_.string(rules.names[value.getRaw()]);
  } else {
    json_.uint64(value.getRaw());  // of a newer schema
  }
}

void Encoder::float32(float value) {
  if (!std::isfinite(value)) {
    json_.null();
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  json_.raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

}  // namespace
}  // namespace troupe::transcode

namespace troupe {

std::string to_json(capnp::DynamicStruct::Reader value) {
  transcode::Encoder encoder;
  encoder.structure(transcode::struct_rules(value.getSchema()), value);
  return encoder.take();
}

std::string to_json(capnp::DynamicStruct::Reader value, capnp::StructSchema::Field member) {
  const auto& rules = transcode::struct_rules(value.getSchema());
  const auto found =
      std::find_if(rules.fields.begin(), rules.fields.end(),
                   [&](const transcode::FieldRules& field) { return field.field == member; });
  TROUPE_EXPECTS(found != rules.fields.end());
  transcode::Encoder encoder;
  encoder.write(found->value, value.get(member));
  return encoder.take();
}

}  // namespace troupe
