#include "runtime/api/service.h"

#include "runtime/api/annotations.h"
#include "runtime/base/assert.h"
#include "runtime/transcode/rules.h"

#include <algorithm>
#include <utility>

namespace troupe::api {
namespace {

[[noreturn]] void refuse(const Method& method, const std::string& why) {
  throw AssertionError("schema method " + method.service + "." + method.name + ": " + why);
}

const char* verb_name(schema::Verb verb) {
  switch (verb) {
    case schema::Verb::GET: return "GET";
    case schema::Verb::POST: return "POST";
    case schema::Verb::PUT: return "PUT";
    case schema::Verb::DELETE: return "DELETE";
  }
  return "";
}

const char* stability_name(schema::Stability stability) {
  switch (stability) {
    case schema::Stability::STABLE: return "stable";
    case schema::Stability::EXPERIMENTAL: return "experimental";
    case schema::Stability::DEPRECATED: return "deprecated";
  }
  return "";
}

std::string str(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

// The names between `<` and `>`, without the marks of optional and of many segments.
std::vector<std::string> route_parameters(const Method& method) {
  std::vector<std::string> names;
  std::string_view rest = method.route;
  for (auto begin = rest.find('<'); begin != std::string_view::npos; begin = rest.find('<')) {
    const auto end = rest.find('>', begin);
    if (end == std::string_view::npos) refuse(method, "its route has no closing >");
    std::string_view name = rest.substr(begin + 1, end - begin - 1);
    while (name.ends_with('.') || name.ends_with('?')) name.remove_suffix(1);
    names.emplace_back(name);
    rest.remove_prefix(end + 1);
  }
  return names;
}

void read_parameters(Method& method) {
  method.params = &transcode::struct_rules(method.schema.getParamType());
  auto in_route = route_parameters(method);
  for (const auto& rules : method.params->fields) {
    Parameter parameter;
    parameter.name = rules.name;
    parameter.rules = &rules;
    const auto found = std::find(in_route.begin(), in_route.end(), rules.name);
    if (found != in_route.end()) {
      parameter.place = Place::route;
      in_route.erase(found);
    } else if (is_rpc_only(rules.field.getProto().getAnnotations())) {
      parameter.place = Place::rpc_only;
    } else if (rules.value.shape == transcode::Shape::structure) {
      if (method.body) refuse(method, "it has two bodies");
      parameter.place = Place::body;
      method.body = method.parameters.size();
    }
    method.parameters.push_back(std::move(parameter));
  }
  if (!in_route.empty()) refuse(method, "its route has a parameter that it lacks: " + in_route[0]);
}

void read_answer(Method& method) {
  const auto type = method.schema.getResultType();
  for (const auto field : type.getFields()) {
    if (!is_body(field.getProto().getAnnotations())) continue;
    if (type.getFields().size() != 1)
      refuse(method, "the body of an answer has no other beside it");
    method.answer = field;
  }
  // The compiler names an implicit struct after its method, without a scope of its own.
  const bool implicit = type.getProto().getScopeId() == 0;
  method.answers_nothing = implicit && type.getFields().size() == 0;
}

// Schema's name of a struct, or of the struct that a field is.
std::string schema_of(const transcode::ValueRules& value) {
  return value.shape == transcode::Shape::structure ? value.structure->schema_name : "";
}

void name_schemas(Method& method, schema::Method::Reader notes) {
  if (method.body) {
    method.input = notes.hasInput() ? str(notes.getInput())
                                    : schema_of(method.parameters[*method.body].rules->value);
    if (method.input.empty() && !method.route.empty())
      refuse(method, "its body has no schema name");
  }
  if (notes.hasOutput()) {
    method.output = str(notes.getOutput());
    return;
  }
  method.output = transcode::struct_rules(method.schema.getResultType()).schema_name;
}

// Whether everything that the expression takes is a parameter that every call has. Of a method with
// a route these are the route's; of one without, its texts and numbers.
bool is_checked_first(const Method& method) {
  const auto& wanted = method.scopes->parameters();
  return std::all_of(wanted.begin(), wanted.end(), [&](const ScopeTemplate::Parameter& wants) {
    if (wants.use != ScopeTemplate::Use::text) return false;
    if (method.route.empty()) {
      return method.schema.getParamType().findFieldByName(wants.name) != nullptr;
    }
    const auto required = [&](const std::string& end) {
      return method.route.find("<" + wants.name + end) != std::string::npos;
    };
    return required(">") || required("..>") || required("...>");
  });
}

void read_access(Method& method, schema::Method::Access::Reader access) {
  if (access.isPublic()) return;
  const std::string text = scope_template_text(access.getNeeds());
  if (text.empty()) refuse(method, "it says neither `needs` nor `public`");
  auto parsed = ScopeTemplate::parse(text);
  if (!parsed.ok()) refuse(method, "its scopes: " + parsed.error().detail);
  method.scopes = std::move(parsed).value();
  method.checked_first = is_checked_first(method);
}

Method read_method(const std::string& service, capnp::InterfaceSchema::Method schema) {
  Method method;
  method.service = service;
  method.name = str(schema.getProto().getName());
  method.schema = schema;
  method.interface_id = schema.getContainingInterface().getProto().getId();
  method.id = schema.getOrdinal();
  const auto notes = method_notes(schema.getProto().getAnnotations());
  if (!notes) refuse(method, "it has no $method");
  method.verb = verb_name(notes->getVerb());
  method.route = str(notes->getRoute());
  method.title = str(notes->getTitle());
  method.description = str(notes->getDescription());
  method.category = str(notes->getCategory());
  method.stability = stability_name(notes->getStability());
  if (!method.route.empty()) read_parameters(method);
  if (!method.route.empty()) read_answer(method);
  if (!method.route.empty()) name_schemas(method, *notes);
  read_access(method, notes->getAccess());
  return method;
}

void add_methods(Service& service, capnp::InterfaceSchema schema) {
  for (const auto method : schema.getMethods()) {
    service.methods.push_back(read_method(service.name, method));
  }
  for (const auto part : schema.getSuperclasses()) add_methods(service, part);
}

}  // namespace

const Method* Service::find(std::string_view wanted) const {
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [&](const Method& method) { return method.name == wanted; });
  return found == methods.end() ? nullptr : &*found;
}

const Method* Service::find(std::uint64_t interface_id, std::uint16_t method_id) const {
  const auto found = std::find_if(methods.begin(), methods.end(), [&](const Method& method) {
    return method.interface_id == interface_id && method.id == method_id;
  });
  return found == methods.end() ? nullptr : &*found;
}

Service read_service(capnp::InterfaceSchema schema) {
  const auto notes = service_notes(schema.getProto().getAnnotations());
  if (!notes) {
    throw AssertionError("schema interface " + str(schema.getProto().getDisplayName()) +
                         " is no service");
  }
  Service service;
  service.name = str(notes->getName());
  service.version = str(notes->getVersion());
  service.title = str(notes->getTitle());
  service.description = str(notes->getDescription());
  add_methods(service, schema);
  return service;
}

}  // namespace troupe::api
