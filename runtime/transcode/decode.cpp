#include "runtime/base/assert.h"
#include "runtime/transcode/decoder.h"

#include <fmt/format.h>

#include <unordered_set>

namespace troupe::transcode {
namespace {

std::string unknown_field(const StructRules& rules, std::string_view name) {
  std::vector<std::string_view> known;
  for (const FieldRules& field : rules.fields) known.push_back(field.name);
  const std::string_view nearest = nearest_name(name, known);
  if (nearest.empty()) return fmt::format("unknown field {}", quoted(name));
  return fmt::format("unknown field {}; did you mean {}?", quoted(name), quoted(nearest));
}

}  // namespace

void Decoder::structure(const StructRules& rules,
                        const Node& object,
                        capnp::DynamicStruct::Builder into,
                        const Path& path) {
  if (object.kind != Node::Kind::object) {
    wrong_type("an object", object, path);
    return;
  }
  std::vector<bool> seen(rules.fields.size());
  const FieldRules* of_union = nullptr;
  std::uint32_t at = tape_.first_inside(object);
  for (std::uint32_t i = 0; i < object.count; ++i) {
    const Node& key = tape_.node(at);
    const Node& node = tape_.node(key.after);
    at = node.after;
    const std::string_view name = tape_.text(key);
    if (key.field == Node::no_field) {
      faults_.add(path, unknown_field(rules, name));
      continue;
    }
    const FieldRules& field = rules.fields[key.field];
    const Path inner{.parent = &path, .name = field.name};
    if (seen[key.field]) {
      faults_.add(inner, "is there more than once");
      continue;
    }
    seen[key.field] = true;
    if (field.in_union && of_union != nullptr) {
      faults_.add(inner, fmt::format("cannot stand together with {}", quoted(of_union->name)));
      continue;
    }
    if (field.in_union) of_union = &field;
    value(field.value, node, Slot(into, field.field), inner);
  }
  fill_absent(rules, seen, into, path);
}

void Decoder::fill_absent(const StructRules& rules,
                          const std::vector<bool>& seen,
                          capnp::DynamicStruct::Builder into,
                          const Path& path) {
  for (std::size_t i = 0; i < rules.fields.size(); ++i) {
    const FieldRules& field = rules.fields[i];
    if (seen[i] || field.in_union) continue;
    const Path inner{.parent = &path, .name = field.name};
    if (field.required) faults_.add(inner, std::string(missing_message));
    if (field.fallback == nullptr) {
      into.clear(field.field);
      continue;
    }
    const std::size_t before = faults_.count();
    Decoder(*field.fallback, faults_)
        .value(field.value, field.fallback->node(0), Slot(into, field.field), inner);
    TROUPE_INVARIANT(faults_.count() == before);
  }
}

void Decoder::list(const ValueRules& rules, const Node& array, Slot slot, const Path& path) {
  if (array.kind != Node::Kind::array) return wrong_type("a list", array, path);
  if (!check_size(rules, array.count, path, faults_)) return;
  auto items = slot.list(array.count);
  std::vector<std::string_view> texts;
  std::uint32_t at = tape_.first_inside(array);
  for (std::uint32_t i = 0; i < array.count; ++i) {
    const Node& item = tape_.node(at);
    at = item.after;
    value(*rules.item, item, Slot(items, i), Path{.parent = &path, .index = i});
    if (rules.unique && item.kind == Node::Kind::string) texts.push_back(tape_.text(item));
  }
  // Items of another type are faults already, and would only shift the numbers.
  if (rules.unique && texts.size() == array.count) check_unique(texts, path, faults_);
}

void Decoder::map(const ValueRules& rules, const Node& object, Slot slot, const Path& path) {
  if (object.kind != Node::Kind::object) return wrong_type("an object", object, path);
  if (!check_size(rules, object.count, path, faults_)) return;
  auto entries = slot.list(object.count);
  const ValueRules any_text;
  std::unordered_set<std::string_view> seen;
  std::uint32_t at = tape_.first_inside(object);
  for (std::uint32_t i = 0; i < object.count; ++i) {
    const Node& key = tape_.node(at);
    const Node& node = tape_.node(key.after);
    at = node.after;
    const std::string_view name = tape_.text(key);
    const Path inner{.parent = &path, .name = name};
    if (!seen.insert(name).second) faults_.add(inner, "is there more than once");
    check_text(any_text, name, inner, faults_);
    auto entry = entries[i].as<capnp::DynamicStruct>();
    entry.set(rules.key_field, capnp::Text::Reader(name.data(), name.size()));
    value(*rules.item, node, Slot(entry, rules.value_field), inner);
  }
}

}  // namespace troupe::transcode

namespace troupe {

std::vector<FieldError> from_json(std::string_view json, capnp::DynamicStruct::Builder into) {
  const transcode::StructRules& rules = transcode::struct_rules(into.getSchema());
  transcode::Faults faults;
  const auto tape = transcode::parse_json(json, rules.self);
  if (tape.ok()) {
    transcode::Decoder(tape.value(), faults)
        .structure(rules, tape.value().node(0), into, transcode::Path{});
  } else {
    faults.add(transcode::Path{}, tape.error().detail);
  }
  return faults.take();
}

}  // namespace troupe
