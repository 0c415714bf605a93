#include "runtime/api/exchanges.h"

namespace troupe::api {

std::string exchange_prefix(std::string_view service) {
  std::string prefix = "exchange/taskcluster-";
  prefix += service;
  prefix += '/';
  prefix += exchange_version;
  return prefix + "/";
}

RoutingWord reserved_word() {
  return {.name = "reserved",
          .summary = "For words that may come later: match it with `#`.",
          .required = false,
          .many = true};
}

void write_object_keywords(JsonWriter& json, const std::vector<MessageProperty>& properties) {
  json.key("type").string("object").key("properties").begin_object();
  for (const auto& property : properties) json.key(property.name).raw(property.schema);
  json.end_object().key("required").begin_array();
  for (const auto& property : properties) {
    if (property.required) json.string(property.name);
  }
  json.end_array().key("additionalProperties").boolean(false);
}

std::string schema_of(const std::vector<MessageProperty>& properties) {
  JsonWriter json;
  json.begin_object();
  write_object_keywords(json, properties);
  json.end_object();
  return json.take();
}

}  // namespace troupe::api
