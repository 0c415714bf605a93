#include "runtime/transcode/faults.h"
#include "runtime/transcode/limits.h"
#include "runtime/transcode/presence.h"
#include "runtime/transcode/rules.h"
#include "runtime/transcode/tape.h"

#include <fmt/format.h>
#include <kj/exception.h>

#include <algorithm>
#include <cmath>

namespace troupe::transcode {
namespace {

std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

class Validator {
 public:
  void structure(const StructRules& rules, capnp::DynamicStruct::Reader value, const Path& path);
  std::vector<FieldError> take() { return faults_.take(); }

 private:
  bool is_missing(const FieldRules& field, capnp::DynamicStruct::Reader value) const;
  void check(const ValueRules& rules, const capnp::DynamicValue::Reader& value, const Path& path);
  void json_text(std::string_view text, const Path& path);
  void any_json(std::string_view text, const Path& path);
  void properties(const ValueRules& rules, capnp::DynamicStruct::Reader value, const Path& path);
  void list(const ValueRules& rules, capnp::DynamicList::Reader items, const Path& path);
  void map(const ValueRules& rules, capnp::DynamicList::Reader entries, const Path& path);
  void number(double value, const Path& path);

  Faults faults_;
};

void Validator::structure(const StructRules& rules,
                          capnp::DynamicStruct::Reader value,
                          const Path& path) {
  const auto active = rules.has_union ? value.which() : nullptr;
  if (rules.has_union && active == nullptr) {
    faults_.add(path, "holds a kind of value that is not known here");
  }
  for (const FieldRules& field : rules.fields) {
    if (field.in_union && !is_active(active, field.field)) continue;
    const Path at{.parent = &path, .name = field.name};
    if (is_missing(field, value)) {
      if (field.required) faults_.add(at, std::string(missing_message));
      continue;
    }
    check(field.value, value.get(field.field), at);
  }
}

bool Validator::is_missing(const FieldRules& field, capnp::DynamicStruct::Reader value) const {
  if (field.optional && holds_default(field, value)) return true;
  if (!value.has(field.field)) return true;
  if (!field.required || !holds_default(field, value)) return false;
  // A zero that means that there is none: of a time, and of an enumerant without a name.
  return field.value.shape == Shape::date_time ||
         (field.value.shape == Shape::enumerant && field.value.enumeration->names[0].empty());
}

void Validator::check(const ValueRules& rules,
                      const capnp::DynamicValue::Reader& value,
                      const Path& path) {
  switch (rules.shape) {
    case Shape::nothing:
    case Shape::boolean:
    case Shape::bytes: break;
    case Shape::signed_integer: check_signed(rules, value.as<std::int64_t>(), path, faults_); break;
    case Shape::unsigned_integer:
      check_unsigned(rules, value.as<std::uint64_t>(), path, faults_);
      break;
    case Shape::real:
    case Shape::float32: number(value.as<double>(), path); break;
    case Shape::text: check_text(rules, view(value.as<capnp::Text>()), path, faults_); break;
    case Shape::json_text: json_text(view(value.as<capnp::Text>()), path); break;
    case Shape::any_json: any_json(view(value.as<capnp::Text>()), path); break;
    case Shape::date_time: {
      const auto ms = value.as<std::int64_t>();
      if (ms < time_ms_min || ms > time_ms_max)
        faults_.add(path, "must be a time of the years 0 to 9999");
      break;
    }
    case Shape::enumerant: {
      const auto raw = value.as<capnp::DynamicEnum>().getRaw();
      if (raw >= rules.enumeration->names.size() || rules.enumeration->names[raw].empty()) {
        faults_.add(path, fmt::format("number {} is not known here", raw));
      }
      break;
    }
    case Shape::structure:
      properties(rules, value.as<capnp::DynamicStruct>(), path);
      structure(*rules.structure, value.as<capnp::DynamicStruct>(), path);
      break;
    case Shape::list: list(rules, value.as<capnp::DynamicList>(), path); break;
    case Shape::map: map(rules, value.as<capnp::DynamicList>(), path); break;
  }
}

void Validator::json_text(std::string_view text, const Path& path) {
  std::string problem;
  if (!is_json_object(text, problem)) faults_.add(path, std::move(problem));
}

void Validator::any_json(std::string_view text, const Path& path) {
  std::string problem;
  if (!is_json(text, problem)) faults_.add(path, std::move(problem));
}

// How many of a struct's fields are there.
void Validator::properties(const ValueRules& rules,
                           capnp::DynamicStruct::Reader value,
                           const Path& path) {
  if (!rules.items) return;
  const auto& fields = rules.structure->fields;
  const auto present = std::count_if(fields.begin(), fields.end(), [&](const FieldRules& field) {
    return !is_missing(field, value);
  });
  check_size(rules, static_cast<std::size_t>(present), path, faults_);
}

void Validator::list(const ValueRules& rules, capnp::DynamicList::Reader items, const Path& path) {
  if (!check_size(rules, items.size(), path, faults_)) return;
  std::vector<std::string_view> texts;
  for (capnp::uint i = 0; i < items.size(); ++i) {
    const Path at{.parent = &path, .index = i};
    const capnp::DynamicValue::Reader item = items[i];
    check(*rules.item, item, at);
    if (rules.unique) texts.push_back(view(item.as<capnp::Text>()));
  }
  if (rules.unique) check_unique(texts, path, faults_);
}

void Validator::map(const ValueRules& rules, capnp::DynamicList::Reader entries, const Path& path) {
  if (!check_size(rules, entries.size(), path, faults_)) return;
  const ValueRules any_text;
  std::vector<std::string_view> keys;
  for (const auto item : entries) {
    const auto entry = item.as<capnp::DynamicStruct>();
    const std::string_view key = view(entry.get(rules.key_field).as<capnp::Text>());
    const Path at{.parent = &path, .name = key};
    check_text(any_text, key, at, faults_);
    check(*rules.item, entry.get(rules.value_field), at);
    keys.push_back(key);
  }
  check_unique(keys, path, faults_);
}

void Validator::number(double value, const Path& path) {
  if (!std::isfinite(value)) faults_.add(path, "must be a finite number");
}

}  // namespace
}  // namespace troupe::transcode

namespace troupe {

std::vector<FieldError> validate(capnp::DynamicStruct::Reader value) {
  const transcode::StructRules& rules = transcode::struct_rules(value.getSchema());
  try {
    transcode::Validator validator;
    validator.structure(rules, value, transcode::Path{});
    return validator.take();
  } catch (const kj::Exception& malformed) {
    // A pointer out of bounds, nesting without end: the sender's fault.
    return {{"", fmt::format("malformed message: {}", malformed.getDescription().cStr())}};
  }
}

}  // namespace troupe
