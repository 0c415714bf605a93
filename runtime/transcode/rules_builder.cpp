#include "runtime/transcode/rules_builder.h"

#include "runtime/base/assert.h"
#include "runtime/transcode/annotations.h"
#include "runtime/transcode/tape.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace troupe::transcode {
namespace {

using capnp::schema::Type;

// One build: everything new is kept apart until all of it has succeeded.
class Builder {
 public:
  explicit Builder(const RuleTables& known) : known_(known) {}

  const StructRules& structure(capnp::StructSchema schema);
  const EnumRules& enumeration(capnp::EnumSchema schema);
  RuleTables take() { return std::move(made_); }

 private:
  FieldRules field(capnp::StructSchema::Field field);
  ValueRules value(capnp::Type type, const Annotations& limits);
  ValueRules list(capnp::Type type, const Annotations& limits);
  ValueRules map(capnp::Type type, const Annotations& limits);
  void limit_text(ValueRules& rules, const Annotations& limits);
  void discriminate(StructRules& rules, std::string_view name) const;
  void check_fit(const FieldRules& field, const Annotations& limits) const;
  [[noreturn]] void refuse(std::string_view why) const;

  const RuleTables& known_;
  RuleTables made_;
  std::string where_;  // the field at work, for messages
};

void Builder::refuse(std::string_view why) const {
  throw AssertionError(fmt::format("schema field {}: {}", where_, why));
}

template <class T>
void set_integer(ValueRules& rules, const Annotations& limits) {
  const Limits wanted =
      limits.range.value_or(Limits{.min = std::numeric_limits<std::int64_t>::min()});
  // Without an annotation the whole type; an upper limit left out is the type's.
  using Range = std::numeric_limits<T>;
  const auto lower =
      std::cmp_greater(wanted.min, Range::min()) ? static_cast<T>(wanted.min) : Range::min();
  const bool open = wanted.max == std::numeric_limits<std::int64_t>::max();
  const auto upper =
      !open && std::cmp_less(wanted.max, Range::max()) ? static_cast<T>(wanted.max) : Range::max();
  if constexpr (std::is_signed_v<T>) {
    rules.shape = Shape::signed_integer;
    rules.signed_range = {.min = lower, .max = upper};
  } else {
    rules.shape = Shape::unsigned_integer;
    rules.unsigned_range = {.min = lower, .max = upper};
  }
}

const EnumRules& Builder::enumeration(capnp::EnumSchema schema) {
  if (const auto found = known_.enums.find(schema); found != known_.enums.end()) {
    return *found->second;
  }
  auto& slot = made_.enums[schema];
  if (slot != nullptr) return *slot;
  slot = std::make_unique<EnumRules>();
  slot->schema = schema;
  for (const auto enumerant : schema.getEnumerants()) {
    const auto proto = enumerant.getProto();
    const auto name = read_annotations(proto.getAnnotations()).json_name;
    // An empty name: what no JSON says.
    slot->names.emplace_back(name.value_or(view(proto.getName())));
  }
  return *slot;
}

const StructRules& Builder::structure(capnp::StructSchema schema) {
  if (const auto found = known_.structs.find(schema); found != known_.structs.end()) {
    return *found->second;
  }
  if (const auto found = made_.structs.find(schema); found != made_.structs.end()) {
    return *found->second;
  }
  // Entered before its fields: a struct may hold itself.
  auto& rules = *made_.structs.emplace(schema, std::make_unique<StructRules>()).first->second;
  rules.schema = schema;
  rules.self.shape = Shape::structure;
  rules.self.structure = &rules;

  const auto notes = read_struct_annotations(schema.getProto().getAnnotations());
  rules.schema_name = notes.schema;
  std::vector<capnp::StructSchema::Field> fields;
  for (const auto member : schema.getFields()) fields.push_back(member);
  const auto declared_before = [](const auto& a, const auto& b) {
    return a.getProto().getCodeOrder() < b.getProto().getCodeOrder();
  };
  std::sort(fields.begin(), fields.end(), declared_before);
  for (const auto& member : fields) rules.fields.push_back(field(member));

  if (!notes.discriminator.empty()) discriminate(rules, notes.discriminator);
  const auto in_union = [](const FieldRules& member) { return member.in_union; };
  rules.has_union = std::any_of(rules.fields.begin(), rules.fields.end(), in_union);
  rules.by_name.resize(rules.fields.size());
  std::iota(rules.by_name.begin(), rules.by_name.end(), std::uint16_t{0});
  const auto by_name = [&rules](std::uint16_t a, std::uint16_t b) {
    return rules.fields[a].name < rules.fields[b].name;
  };
  std::sort(rules.by_name.begin(), rules.by_name.end(), by_name);
  return rules;
}

void Builder::discriminate(StructRules& rules, std::string_view name) const {
  for (const FieldRules& member : rules.fields) {
    if (!member.in_union || member.value.shape != Shape::structure) {
      refuse("beside a discriminator stands nothing but a union of structs");
    }
    if (member.value.structure->find(name)) refuse("the discriminator is a property already");
  }
  rules.discriminator = name;
  auto known = std::make_unique<StructRules>();
  known->self.shape = Shape::structure;
  known->self.structure = known.get();
  FieldRules property;
  property.name = name;
  property.value.shape = Shape::text;
  known->fields.push_back(std::move(property));
  known->by_name = {0};
  rules.discriminator_rules = std::move(known);
}

FieldRules Builder::field(capnp::StructSchema::Field field) {
  const auto proto = field.getProto();
  const std::string outer = std::exchange(
      where_, fmt::format("{}.{}", view(field.getContainingStruct().getProto().getDisplayName()),
                          view(proto.getName())));
  const Annotations notes = read_annotations(proto.getAnnotations());
  FieldRules rules;
  rules.field = field;
  rules.name = notes.json_name.value_or(view(proto.getName()));
  rules.optional = notes.optional;
  rules.required = notes.required;
  rules.in_union = proto.getDiscriminantValue() != capnp::schema::Field::NO_DISCRIMINANT;
  rules.value = value(field.getType(), notes);
  rules.value.zero_is_absent = notes.optional || notes.required;
  if (proto.isSlot() && proto.getSlot().getType().isText()) {
    rules.schema_default = view(proto.getSlot().getDefaultValue().getText());
  }
  check_fit(rules, notes);
  if (notes.fallback) {
    Result<Tape> parsed = parse_json(*notes.fallback, rules.value);
    if (!parsed.ok()) refuse("its default: " + parsed.error().detail);
    rules.fallback = std::make_unique<Tape>(std::move(parsed).value());
  }
  where_ = outer;
  return rules;
}

ValueRules Builder::value(capnp::Type type, const Annotations& limits) {
  ValueRules rules;
  switch (type.which()) {
    case Type::VOID: rules.shape = Shape::nothing; break;
    case Type::BOOL: rules.shape = Shape::boolean; break;
    case Type::INT8: set_integer<std::int8_t>(rules, limits); break;
    case Type::INT16: set_integer<std::int16_t>(rules, limits); break;
    case Type::INT32: set_integer<std::int32_t>(rules, limits); break;
    case Type::INT64:
      set_integer<std::int64_t>(rules, limits);
      if (limits.date_time) rules.shape = Shape::date_time;
      break;
    case Type::UINT8: set_integer<std::uint8_t>(rules, limits); break;
    case Type::UINT16: set_integer<std::uint16_t>(rules, limits); break;
    case Type::UINT32: set_integer<std::uint32_t>(rules, limits); break;
    case Type::UINT64: set_integer<std::uint64_t>(rules, limits); break;
    case Type::FLOAT32: rules.shape = Shape::float32; break;
    case Type::FLOAT64: rules.shape = Shape::real; break;
    case Type::TEXT: limit_text(rules, limits); break;
    case Type::DATA: rules.shape = Shape::bytes; break;
    case Type::LIST: return limits.map ? map(type, limits) : list(type, limits);
    case Type::ENUM:
      rules.shape = Shape::enumerant;
      rules.enumeration = &enumeration(type.asEnum());
      break;
    case Type::STRUCT:
      rules.shape = Shape::structure;
      rules.structure = &structure(type.asStruct());
      rules.items = limits.items;
      break;
    case Type::INTERFACE:
    case Type::ANY_POINTER: refuse("an interface or AnyPointer has no form in JSON");
  }
  return rules;
}

void Builder::limit_text(ValueRules& rules, const Annotations& limits) {
  rules.shape = limits.any_json    ? Shape::any_json
                : limits.json_text ? Shape::json_text
                                   : Shape::text;
  rules.length = limits.length;
  if (!limits.pattern) return;
  auto pattern = std::make_unique<const re2::RE2>(
      re2::StringPiece(limits.pattern->data(), limits.pattern->size()), re2::RE2::Quiet);
  if (!pattern->ok()) refuse("its pattern is not RE2: " + pattern->error());
  rules.pattern = std::move(pattern);
  rules.form = limits.form.value_or("");
}

ValueRules Builder::list(capnp::Type type, const Annotations& limits) {
  // Limits of a list's size are the outer list's; all others belong to what is in it.
  Annotations inner = limits;
  inner.items.reset();
  inner.unique = false;
  ValueRules rules;
  rules.shape = Shape::list;
  rules.items = limits.items;
  rules.unique = limits.unique;
  rules.item = std::make_unique<ValueRules>(value(type.asList().getElementType(), inner));
  return rules;
}

ValueRules Builder::map(capnp::Type type, const Annotations& limits) {
  const capnp::Type element = type.asList().getElementType();
  if (!element.isStruct()) refuse("a map must be a list of {key, value}");
  const capnp::StructSchema entry = element.asStruct();
  ValueRules rules;
  rules.shape = Shape::map;
  rules.items = limits.items;
  rules.structure = &structure(entry);
  const auto key_field = entry.findFieldByName("key");
  const auto value_field = entry.findFieldByName("value");
  if (entry.getFields().size() != 2 || key_field == nullptr || value_field == nullptr) {
    refuse("a map must be a list of {key :Text, value}");
  }
  KJ_IF_MAYBE (found, key_field) rules.key_field = *found;
  KJ_IF_MAYBE (found, value_field) rules.value_field = *found;
  if (!rules.key_field.getType().isText()) refuse("the key of a map must be a Text");
  // The limits of the map's values, and those that the entry's own field has.
  Annotations inner = read_annotations(rules.value_field.getProto().getAnnotations());
  if (limits.length) inner.length = limits.length;
  rules.item = std::make_unique<ValueRules>(value(rules.value_field.getType(), inner));
  return rules;
}

void Builder::check_fit(const FieldRules& field, const Annotations& limits) const {
  const ValueRules& value = field.value;
  const ValueRules* leaf = &value;
  while (leaf->item != nullptr) leaf = leaf->item.get();
  const bool integer =
      leaf->shape == Shape::signed_integer || leaf->shape == Shape::unsigned_integer;
  if (limits.json_text && leaf->shape != Shape::json_text) refuse("jsonText is for a Text");
  if (limits.any_json && leaf->shape != Shape::any_json) refuse("anyJson is for a Text");
  if (limits.date_time && leaf->shape != Shape::date_time) refuse("dateTime is for an Int64");
  if (limits.map && value.shape != Shape::map) refuse("map is for a list");
  if (limits.length && leaf->shape != Shape::text) refuse("length is for texts");
  if (limits.pattern && !(leaf->shape == Shape::text && leaf->pattern)) {
    refuse("pattern is for a Text or a list of them");
  }
  if (limits.form && !limits.pattern) refuse("form is for what has a pattern");
  if (limits.range && (!integer || value.shape == Shape::map)) refuse("range is for integers");
  if (limits.items && value.item == nullptr && value.shape != Shape::structure) {
    refuse("items is for a list or a struct");
  }
  if (limits.unique && !(value.shape == Shape::list && value.item->shape == Shape::text)) {
    refuse("unique is for a list of texts");
  }
  if (limits.fallback && (limits.required || field.in_union)) {
    refuse("a required field or one of a union has no default");
  }
  if (limits.required && field.in_union) refuse("a field of a union cannot be required");
}

void merge(RuleTables& tables, RuleTables made) {
  tables.structs.merge(made.structs);
  tables.enums.merge(made.enums);
}

}  // namespace

const StructRules& build_struct_rules(RuleTables& tables, capnp::StructSchema schema) {
  Builder builder(tables);
  const StructRules& rules = builder.structure(schema);
  merge(tables, builder.take());
  return rules;
}

const EnumRules& build_enum_rules(RuleTables& tables, capnp::EnumSchema schema) {
  Builder builder(tables);
  const EnumRules& rules = builder.enumeration(schema);
  merge(tables, builder.take());
  return rules;
}

}  // namespace troupe::transcode
