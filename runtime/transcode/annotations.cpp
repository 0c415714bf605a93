#include "runtime/transcode/annotations.h"

#include "schema/api/annotations.capnp.h"

namespace troupe::transcode {
namespace {

// The ids of schema/api/annotations.capnp: the compiler makes no constants of them.
enum AnnotationId : std::uint64_t {
  json_name_id = 0xa5f1c1d8e6b7a001,
  json_text_id = 0xa5f1c1d8e6b7a002,
  date_time_id = 0xa5f1c1d8e6b7a003,
  map_id = 0xa5f1c1d8e6b7a004,
  optional_id = 0xa5f1c1d8e6b7a005,
  required_id = 0xa5f1c1d8e6b7a006,
  default_id = 0xa5f1c1d8e6b7a007,
  pattern_id = 0xa5f1c1d8e6b7a008,
  length_id = 0xa5f1c1d8e6b7a009,
  items_id = 0xa5f1c1d8e6b7a00a,
  range_id = 0xa5f1c1d8e6b7a00b,
  unique_id = 0xa5f1c1d8e6b7a00c,
  form_id = 0xa5f1c1d8e6b7a00d,
  any_json_id = 0xa5f1c1d8e6b7a00e,
  discriminator_id = 0xa5f1c1d8e6b7a010,
  schema_id = 0xa5f1c1d8e6b7a011,
};

Limits read_limits(capnp::schema::Value::Reader value) {
  const auto range = value.getStruct().getAs<schema::Range>();
  return {.min = range.getMin(), .max = range.getMax()};
}

}  // namespace

Annotations read_annotations(capnp::List<capnp::schema::Annotation>::Reader list) {
  Annotations found;
  for (const auto annotation : list) {
    const auto value = annotation.getValue();
    switch (annotation.getId()) {
      case json_name_id: found.json_name = view(value.getText()); break;
      case json_text_id: found.json_text = true; break;
      case any_json_id: found.any_json = true; break;
      case date_time_id: found.date_time = true; break;
      case map_id: found.map = true; break;
      case optional_id: found.optional = true; break;
      case required_id: found.required = true; break;
      case default_id: found.fallback = view(value.getText()); break;
      case pattern_id: found.pattern = view(value.getText()); break;
      case form_id: found.form = view(value.getText()); break;
      case length_id: found.length = read_limits(value); break;
      case items_id: found.items = read_limits(value); break;
      case range_id: found.range = read_limits(value); break;
      case unique_id: found.unique = true; break;
      default: break;  // somebody else's
    }
  }
  return found;
}

StructAnnotations read_struct_annotations(capnp::List<capnp::schema::Annotation>::Reader list) {
  StructAnnotations found;
  for (const auto annotation : list) {
    const auto value = annotation.getValue();
    if (annotation.getId() == schema_id) found.schema = view(value.getText());
    if (annotation.getId() == discriminator_id) found.discriminator = view(value.getText());
  }
  return found;
}

}  // namespace troupe::transcode
