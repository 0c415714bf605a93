#include "runtime/api/annotations.h"

#include "runtime/base/json_writer.h"

#include <string_view>

namespace troupe::api {
namespace {

// The ids of schema/api/annotations.capnp: the compiler makes no constants of them.
enum AnnotationId : std::uint64_t {
  body_id = 0xa5f1c1d8e6b7a00f,
  service_id = 0xa5f1c1d8e6b7a012,
  method_id = 0xa5f1c1d8e6b7a013,
  rpc_only_id = 0xa5f1c1d8e6b7a014,
};

std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

template <class T>
std::optional<typename T::Reader> find(AnnotationList list, AnnotationId id) {
  for (const auto annotation : list) {
    if (annotation.getId() == id) return annotation.getValue().getStruct().getAs<T>();
  }
  return std::nullopt;
}

bool has(AnnotationList list, AnnotationId id) {
  bool found = false;
  for (const auto annotation : list) found = found || annotation.getId() == id;
  return found;
}

void write(JsonWriter& json, schema::ScopeExpression::Reader expression);

void write_parts(JsonWriter& json,
                 std::string_view name,
                 capnp::List<schema::ScopeExpression>::Reader parts) {
  json.begin_object().key(name).begin_array();
  for (const auto part : parts) write(json, part);
  json.end_array().end_object();
}

void write(JsonWriter& json, schema::ScopeExpression::Reader expression) {
  using Which = schema::ScopeExpression::Which;
  switch (expression.which()) {
    case Which::SCOPE: json.string(view(expression.getScope())); break;
    case Which::ALL_OF: write_parts(json, "AllOf", expression.getAllOf()); break;
    case Which::ANY_OF: write_parts(json, "AnyOf", expression.getAnyOf()); break;
    case Which::FOR_EACH: {
      const auto loop = expression.getForEach();
      json.begin_object().key("for").string(view(loop.getFor()));
      json.key("in").string(view(loop.getIn()));
      json.key("each").string(view(loop.getEach())).end_object();
      break;
    }
    case Which::CONDITION: {
      const auto choice = expression.getCondition();
      json.begin_object().key("if").string(view(choice.getIf()));
      json.key("then");
      write(json, choice.getThen());
      if (choice.hasElse()) {
        json.key("else");
        write(json, choice.getElse());
      }
      json.end_object();
      break;
    }
  }
}

}  // namespace

std::optional<schema::Service::Reader> service_notes(AnnotationList list) {
  return find<schema::Service>(list, service_id);
}

std::optional<schema::Method::Reader> method_notes(AnnotationList list) {
  return find<schema::Method>(list, method_id);
}

bool is_rpc_only(AnnotationList list) {
  return has(list, rpc_only_id);
}

bool is_body(AnnotationList list) {
  return has(list, body_id);
}

std::string scope_template_text(schema::ScopeExpression::Reader expression) {
  if (expression.isScope()) return std::string(view(expression.getScope()));
  JsonWriter json;
  write(json, expression);
  return json.take();
}

}  // namespace troupe::api
