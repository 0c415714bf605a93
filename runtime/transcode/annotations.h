// The annotations of schema/api/annotations.capnp, read from a schema.
#pragma once

#include "runtime/transcode/rules.h"

#include <capnp/schema.capnp.h>

#include <optional>
#include <string_view>

namespace troupe::transcode {

/// Texts are borrowed from the schema.
struct Annotations {
  std::optional<std::string_view> json_name;
  bool json_text = false;
  bool any_json = false;
  bool date_time = false;
  bool map = false;
  bool optional = false;
  bool required = false;
  bool unique = false;
  std::optional<std::string_view> fallback;  // `default`
  std::optional<std::string_view> pattern;
  std::optional<std::string_view> form;
  std::optional<Limits> length;
  std::optional<Limits> items;
  std::optional<Limits> range;
};

/// The texts of a struct's own annotations; empty without one.
struct StructAnnotations {
  std::string_view schema;         // name of its JSON schema
  std::string_view discriminator;  // of its union
};

StructAnnotations read_struct_annotations(capnp::List<capnp::schema::Annotation>::Reader list);

Annotations read_annotations(capnp::List<capnp::schema::Annotation>::Reader list);

inline std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

}  // namespace troupe::transcode
