#include "runtime/api/references.h"

#include "runtime/api/common_schemas.h"
#include "runtime/base/json_writer.h"
#include "runtime/transcode/json_schema.h"
#include "runtime/transcode/rules.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace troupe::api {
namespace {

using Documents = std::map<std::string, std::string>;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// As published: without the marks of optional and of many segments.
std::string plain_route(std::string route) {
  for (const std::string mark : {"...>", "..>", "?>"}) {
    for (auto at = route.find(mark); at != std::string::npos; at = route.find(mark)) {
      route.replace(at, mark.size(), ">");
    }
  }
  return route;
}

// `create-client-request` as `Create client request`.
std::string title_of(std::string name) {
  std::replace(name.begin(), name.end(), '-', ' ');
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

void write_names(JsonWriter& json, const Method& method, Place place) {
  json.begin_array();
  for (const auto& parameter : method.parameters) {
    if (parameter.place == place) json.string(parameter.name);
  }
  json.end_array();
}

void write_entry(JsonWriter& json, const Method& method) {
  json.begin_object().key("type").string("function");
  json.key("name").string(method.name).key("title").string(method.title);
  json.key("description").string(method.description).key("category").string(method.category);
  json.key("method").string(lower(method.verb)).key("route").string(plain_route(method.route));
  json.key("args");
  write_names(json, method, Place::route);
  json.key("query");
  write_names(json, method, Place::query);
  json.key("stability").string(method.stability);
  if (method.scopes) json.key("scopes").raw(method.scopes->json());
  if (!method.input.empty()) json.key("input").string("v1/" + method.input + ".json#");
  if (!method.output.empty()) json.key("output").string("v1/" + method.output + ".json#");
  json.end_object();
}

std::string reference(const Service& service, const std::string& root) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/api-reference-v0.json#");
  json.key("serviceName").string(service.name).key("apiVersion").string(service.version);
  json.key("title").string(service.title).key("description").string(service.description);
  json.key("entries").begin_array();
  for (const Method& method : service.methods) {
    if (!method.route.empty()) write_entry(json, method);
  }
  json.end_array().end_object();
  return json.take();
}

std::string schema(const std::string& root,
                   const std::string& path,
                   const std::string& name,
                   const transcode::ValueRules& rules) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/metaschema.json#");
  json.key("$id").string(root + path + "#").key("title").string(title_of(name));
  transcode::write_schema_keywords(json, rules);
  json.end_object();
  return json.take();
}

// What the answer is, where that is one field of it.
const transcode::ValueRules& answer_rules(const Method& method) {
  const auto& whole = transcode::struct_rules(method.schema.getResultType());
  if (!method.answer) return whole.self;
  return std::find_if(whole.fields.begin(), whole.fields.end(),
                      [&](const auto& field) { return field.field == *method.answer; })
      ->value;
}

/// The schemas of one service, as its methods come to them.
class Schemas {
 public:
  Schemas(Documents& documents, const Service& service, const std::string& root)
      : documents_(documents),
        folder_("/schemas/" + service.name + "/" + service.version + "/"),
        root_(root) {}

  /// A body, if it has a name, and the structures in it that have one.
  void add(const std::string& name, const transcode::ValueRules& rules) {
    if (!name.empty()) {
      const std::string path = folder_ + name + ".json";
      documents_.try_emplace(path, schema(root_, path, name, rules));
    }
    add_within(rules);
  }

 private:
  void add_within(const transcode::ValueRules& rules) {
    if (rules.item) add_value(*rules.item);
    if (rules.shape != transcode::Shape::structure) return;
    // Once each: a structure may hold itself.
    if (!seen_.insert(rules.structure).second) return;
    for (const auto& field : rules.structure->fields) add_value(field.value);
  }

  void add_value(const transcode::ValueRules& rules) {
    const bool is_structure = rules.shape == transcode::Shape::structure;
    add(is_structure ? rules.structure->schema_name : "", rules);
  }

  Documents& documents_;
  const std::string folder_;
  const std::string& root_;
  std::set<const transcode::StructRules*> seen_;
};

void add_service(Documents& documents, const Service& service, const std::string& root) {
  const std::string name = "/" + service.name + "/" + service.version + "/";
  documents["/references" + name + "api.json"] = reference(service, root);
  Schemas schemas(documents, service, root);
  for (const Method& method : service.methods) {
    if (method.route.empty()) continue;
    if (method.body) schemas.add(method.input, method.parameters[*method.body].rules->value);
    schemas.add(method.output, answer_rules(method));
  }
}

void add_parts(Documents& documents, const SchemaParts& parts, const std::string& root) {
  const std::string path =
      "/schemas/" + parts.service + "/" + parts.version + "/" + parts.name + ".json";
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/metaschema.json#");
  json.key("$id").string(root + path + "#").key("title").string(title_of(parts.name));
  json.key("definitions").begin_object();
  for (const auto& [name, reference] : parts.references) {
    json.key(name).begin_object().key("$ref").string(reference).end_object();
  }
  json.end_object().end_object();
  documents[path] = json.take();
}

// `client-created` and `client_created` as `clientCreated`.
std::string camel_case(const std::string& name) {
  std::string out;
  bool is_start = false;
  for (const char c : name) {
    const bool is_gap = c == '-' || c == '_';
    if (!is_gap) {
      out += is_start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    }
    is_start = is_gap;
  }
  return out;
}

void write_exchange(JsonWriter& json, const Exchange& exchange) {
  json.begin_object().key("type").string("topic-exchange");
  json.key("exchange").string(exchange.name).key("name").string(camel_case(exchange.name));
  json.key("title").string(exchange.title).key("description").string(exchange.description);
  json.key("routingKey").begin_array();
  for (const auto& word : exchange.routing_key) {
    json.begin_object().key("name").string(word.name).key("summary").string(word.summary);
    if (!word.constant.empty()) json.key("constant").string(word.constant);
    json.key("multipleWords").boolean(word.many).key("required").boolean(word.required);
    json.end_object();
  }
  json.end_array().key("schema").string("v1/" + exchange.schema + ".json#").end_object();
}

std::string exchanges_reference(const ServiceExchanges& all, const std::string& root) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/exchanges-reference-v0.json#");
  json.key("serviceName").string(all.service).key("apiVersion").string(exchange_version);
  json.key("title").string(all.title).key("description").string(all.description);
  json.key("exchangePrefix").string(exchange_prefix(all.service));
  json.key("entries").begin_array();
  for (const auto& exchange : all.exchanges) write_exchange(json, exchange);
  json.end_array().end_object();
  return json.take();
}

std::string message_schema(const std::string& root,
                           const std::string& path,
                           const std::string& name,
                           const std::vector<MessageProperty>& properties) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/metaschema.json#");
  json.key("$id").string(root + path + "#").key("title").string(title_of(name));
  write_object_keywords(json, properties);
  json.end_object();
  return json.take();
}

void add_exchanges(Documents& documents, const ServiceExchanges& all, const std::string& root) {
  const std::string place = "/" + all.service + "/" + std::string(exchange_version) + "/";
  documents["/references" + place + "exchanges.json"] = exchanges_reference(all, root);
  for (const auto& [name, properties] : all.schemas) {
    const std::string path = "/schemas" + place + name + ".json";
    documents.try_emplace(path, message_schema(root, path, name, properties));
  }
}

void write_described(JsonWriter& json, const std::vector<Described>& all) {
  json.begin_object();
  for (const auto& [name, text] : all) json.key(name).string(text);
  json.end_object();
}

// As syslog names it.
const char* level_name(std::optional<LogLevel> level) {
  if (!level) return "any";
  switch (*level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "err";
  }
  return "any";
}

const char* kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter: return "counter";
    case MetricKind::gauge: return "gauge";
    case MetricKind::histogram: return "histogram";
  }
  return "";
}

std::string logs_reference(const ServiceTelemetry& all, const std::string& root) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/logs-reference-v0.json#");
  json.key("serviceName").string(all.service).key("types").begin_array();
  for (const LogType& type : all.logs) {
    json.begin_object().key("type").string(type.event).key("name").string(camel_case(type.event));
    json.key("title").string(type.title).key("description").string(type.description);
    json.key("level").string(level_name(type.level)).key("version").int64(1);
    json.key("fields");
    write_described(json, type.fields);
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

std::string metrics_reference(const ServiceTelemetry& all, const std::string& root) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/metrics-reference-v0.json#");
  json.key("serviceName").string(all.service).key("metrics").begin_array();
  for (const MetricType& type : all.metrics) {
    json.begin_object().key("name").string(type.name).key("type").string(kind_name(type.kind));
    json.key("title").string(type.help).key("description").string(type.help);
    json.key("labels");
    write_described(json, type.labels);
    if (type.kind == MetricKind::histogram) {
      json.key("buckets").begin_array();
      for (const double bound : type.bounds) json.number(bound);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

void add_telemetry(Documents& documents, const ServiceTelemetry& all, const std::string& root) {
  const std::string place = "/references/" + all.service + "/" + all.version + "/";
  documents[place + "logs.json"] = logs_reference(all, root);
  documents[place + "metrics.json"] = metrics_reference(all, root);
}

std::string manifest(const Documents& documents, const std::string& root) {
  JsonWriter json;
  json.begin_object().key("$schema").string(root + "/schemas/common/manifest-v3.json#");
  json.key("references").begin_array();
  for (const auto& [path, text] : documents) {
    if (path.starts_with("/references/")) json.string(root + path);
  }
  json.end_array().end_object();
  return json.take();
}

Documents documents_of(const Published& all, const std::string& root) {
  Documents documents = common_schemas(root);
  for (const Service* service : all.services) add_service(documents, *service, root);
  for (const auto& exchanges : all.exchanges) add_exchanges(documents, exchanges, root);
  for (const auto& telemetry : all.telemetry) add_telemetry(documents, telemetry, root);
  for (const auto& parts : all.parts) add_parts(documents, parts, root);
  return documents;
}

// Everything in one, as programs that read it without a server want it.
std::string all_in_one(const Published& all) {
  JsonWriter json;
  json.begin_array();
  for (const auto& [path, text] : documents_of(all, "")) {
    json.begin_object().key("filename").string(path.substr(1)).key("content").raw(text);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace

Documents make_references(const Published& all, const std::string& root_url) {
  Documents documents = documents_of(all, root_url);
  const std::string list = manifest(documents, root_url);
  documents["/references/manifest.json"] = list;
  documents["/references/references.json"] = all_in_one(all);
  return documents;
}

void add_reference_routes(http::RouteTable& routes, Documents documents) {
  for (auto& [path, text] : documents) {
    const auto shared = std::make_shared<const std::string>(std::move(text));
    routes.add("GET", path, [shared](const http::Request&) -> kj::Promise<http::Response> {
      auto response = http::json_response(*shared);
      response.headers.emplace_back("access-control-allow-origin", "*");
      return response;
    });
  }
}

}  // namespace troupe::api
