#include "runtime/base/assert.h"
#include "runtime/transcode/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace troupe::transcode {
namespace {

std::string unknown_field(const StructRules& rules, std::string_view name) {
  std::vector<std::string_view> known;
  for (const FieldRules& field : rules.fields) known.push_back(field.name);
  const std::string_view nearest = nearest_name(name, known);
  if (nearest.empty()) return fmt::format("unknown field {}", quoted(name));
  return fmt::format("unknown field {}; did you mean {}?", quoted(name), quoted(nearest));
}

// The last of the texts that the only property of these objects has.
std::optional<std::string> last_text(const Tape& tape) {
  const Node& object = tape.node(0);
  std::optional<std::string> found;
  std::uint32_t at = tape.first_inside(object);
  for (std::uint32_t i = 0; i < object.count; ++i) {
    const Node& key = tape.node(at);
    const Node& node = tape.node(key.after);
    at = node.after;
    if (key.field == Node::no_field) continue;
    found.reset();
    if (node.kind == Node::Kind::string) found = tape.text(node);
  }
  return found;
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
  if (!rules.discriminator.empty()) return one_of(rules, object, into, path);
  // The last value of each name, as others read JSON too.
  std::vector<std::uint32_t> last(rules.fields.size(), 0);
  std::uint32_t at = tape_.first_inside(object);
  for (std::uint32_t i = 0; i < object.count; ++i) {
    const Node& key = tape_.node(at);
    if (key.field != Node::no_field) last[key.field] = at;
    at = tape_.node(key.after).after;
  }
  std::vector<bool> seen(rules.fields.size());
  const FieldRules* of_union = nullptr;
  at = tape_.first_inside(object);
  for (std::uint32_t i = 0; i < object.count; ++i) {
    const std::uint32_t here = at;
    const Node& key = tape_.node(at);
    const Node& node = tape_.node(key.after);
    at = node.after;
    const std::string_view name = tape_.text(key);
    if (key.field == Node::no_field) {
      if (name != known_elsewhere_) faults_.add(path, unknown_field(rules, name));
      continue;
    }
    if (last[key.field] != here) continue;
    const FieldRules& field = rules.fields[key.field];
    const Path inner{.parent = &path, .name = field.name};
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

void Decoder::one_of(const StructRules& rules,
                     const Node& object,
                     capnp::DynamicStruct::Builder into,
                     const Path& path) {
  const std::string_view source = tape_.slice(object);
  const auto told = parse_json(source, rules.discriminator_rules->self);
  TROUPE_INVARIANT(told.ok());  // it is a part of what has been parsed
  const std::optional<std::string> kind = last_text(told.value());
  const Path property{.parent = &path, .name = rules.discriminator};
  if (!kind) return faults_.add(property, std::string(missing_message));
  for (const FieldRules& member : rules.fields) {
    if (member.name != *kind) continue;
    const auto tape = parse_json(source, member.value);
    TROUPE_INVARIANT(tape.ok());
    Decoder inside(tape.value(), faults_);
    inside.known_elsewhere_ = rules.discriminator;
    return inside.structure(*member.value.structure, tape.value().node(0),
                            into.init(member.field).as<capnp::DynamicStruct>(), path);
  }
  std::vector<std::string_view> known;
  for (const FieldRules& member : rules.fields) known.push_back(member.name);
  faults_.add(property, fmt::format("must be {}, not {}", choices(known), quoted(*kind)));
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

// The keys of an object, each once, where its last value stands; in the order of these.
std::vector<std::uint32_t> Decoder::last_of_each(const Node& object) const {
  std::unordered_map<std::string_view, std::uint32_t> last;
  std::uint32_t at = tape_.first_inside(object);
  for (std::uint32_t i = 0; i < object.count; ++i) {
    const Node& key = tape_.node(at);
    last[tape_.text(key)] = at;
    at = tape_.node(key.after).after;
  }
  std::vector<std::uint32_t> kept;
  kept.reserve(last.size());
  for (const auto& [name, place] : last) kept.push_back(place);
  std::sort(kept.begin(), kept.end());
  return kept;
}

void Decoder::map(const ValueRules& rules, const Node& object, Slot slot, const Path& path) {
  if (object.kind != Node::Kind::object) return wrong_type("an object", object, path);
  if (!check_size(rules, object.count, path, faults_)) return;
  const auto kept = last_of_each(object);
  auto entries = slot.list(static_cast<std::uint32_t>(kept.size()));
  const ValueRules any_text;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const Node& key = tape_.node(kept[i]);
    const Node& node = tape_.node(key.after);
    const std::string_view name = tape_.text(key);
    const Path inner{.parent = &path, .name = name};
    check_text(any_text, name, inner, faults_);
    auto entry = entries[static_cast<unsigned>(i)].as<capnp::DynamicStruct>();
    entry.set(rules.key_field, capnp::Text::Reader(name.data(), name.size()));
    value(*rules.item, node, Slot(entry, rules.value_field), inner);
  }
}

}  // namespace troupe::transcode

namespace troupe {

Result<std::vector<FieldError>> read_json(std::string_view json,
                                          capnp::DynamicStruct::Builder into) {
  const transcode::StructRules& rules = transcode::struct_rules(into.getSchema());
  const auto tape = transcode::parse_json(json, rules.self);
  if (!tape.ok()) return Error{Errc::malformed, tape.error().detail};
  transcode::Faults faults;
  transcode::Decoder(tape.value(), faults)
      .structure(rules, tape.value().node(0), into, transcode::Path{});
  return faults.take();
}

std::vector<FieldError> from_json(std::string_view json, capnp::DynamicStruct::Builder into) {
  auto faults = read_json(json, into);
  if (faults.ok()) return std::move(faults).value();
  return {{"", faults.error().detail}};
}

}  // namespace troupe
