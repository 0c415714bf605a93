#include "runtime/api/common_schemas.h"

namespace troupe::api {
namespace {

// In each, `@` stands for the root URL.
struct CommonSchema {
  const char* name;
  const char* text;
};

constexpr const char* api_reference = R"({
"$schema":"@/schemas/common/metadata-metaschema.json#",
"$id":"@/schemas/common/api-reference-v0.json#",
"metadata":{"name":"api","version":0},
"title":"Reference of a service's methods","type":"object","additionalProperties":false,
"required":["$schema","serviceName","apiVersion","title","description","entries"],
"properties":{
 "$schema":{"type":"string","format":"uri"},
 "serviceName":{"type":"string","pattern":"^[a-z][a-z0-9_-]*$","minLength":1,"maxLength":22},
 "apiVersion":{"type":"string","pattern":"^v[0-9]+$"},
 "title":{"type":"string"},"description":{"type":"string"},
 "entries":{"type":"array","items":{"type":"object","additionalProperties":false,
  "required":["type","name","title","description","method","route","args","query","stability"],
  "properties":{
   "type":{"enum":["function"]},"name":{"type":"string"},"title":{"type":"string"},
   "description":{"type":"string"},"category":{"type":"string"},
   "method":{"enum":["get","post","put","delete","head","patch","options"]},
   "route":{"type":"string","pattern":"^/"},
   "args":{"type":"array","uniqueItems":true,"items":{"type":"string"}},
   "query":{"type":"array","uniqueItems":true,"items":{"type":"string"}},
   "stability":{"enum":["stable","experimental","deprecated"]},
   "scopes":{"$ref":"#/definitions/scopes"},
   "input":{"type":"string"},"output":{"type":"string"}}}}},
"definitions":{"scopes":{"oneOf":[
 {"type":"string","pattern":"^[\\x20-\\x7e]*$"},
 {"type":"object","additionalProperties":false,"required":["AllOf"],
  "properties":{"AllOf":{"type":"array","items":{"$ref":"#/definitions/scopes"}}}},
 {"type":"object","additionalProperties":false,"required":["AnyOf"],
  "properties":{"AnyOf":{"type":"array","items":{"$ref":"#/definitions/scopes"}}}},
 {"type":"object","additionalProperties":false,"required":["for","in","each"],
  "properties":{"for":{"type":"string"},"in":{"type":"string"},"each":{"type":"string"}}},
 {"type":"object","additionalProperties":false,"required":["if","then"],
  "properties":{"if":{"type":"string"},"then":{"$ref":"#/definitions/scopes"},
   "else":{"$ref":"#/definitions/scopes"}}}]}}})";

constexpr const char* exchanges_reference = R"({
"$schema":"@/schemas/common/metadata-metaschema.json#",
"$id":"@/schemas/common/exchanges-reference-v0.json#",
"metadata":{"name":"exchanges","version":0},
"title":"Reference of a service's messages","type":"object","additionalProperties":false,
"required":["$schema","serviceName","apiVersion","title","description","exchangePrefix","entries"],
"properties":{
 "$schema":{"type":"string","format":"uri"},
 "serviceName":{"type":"string","pattern":"^[a-z][a-z0-9_-]*$","minLength":1,"maxLength":22},
 "apiVersion":{"type":"string","pattern":"^v[0-9]+$"},
 "title":{"type":"string"},"description":{"type":"string"},"exchangePrefix":{"type":"string"},
 "entries":{"type":"array","uniqueItems":true,"items":{"type":"object",
  "additionalProperties":false,
  "required":["type","exchange","name","title","description","routingKey","schema"],
  "properties":{
   "type":{"enum":["topic-exchange"]},"exchange":{"type":"string"},"name":{"type":"string"},
   "title":{"type":"string"},"description":{"type":"string"},"schema":{"type":"string"},
   "routingKey":{"type":"array","uniqueItems":true,"items":{"type":"object",
    "additionalProperties":false,"required":["name","summary","multipleWords","required"],
    "properties":{
     "name":{"type":"string"},"summary":{"type":"string"},"constant":{"type":"string"},
     "multipleWords":{"type":"boolean"},"required":{"type":"boolean"}}}}}}}}})";

constexpr const char* logs_reference = R"({
"$schema":"@/schemas/common/metadata-metaschema.json#",
"$id":"@/schemas/common/logs-reference-v0.json#",
"metadata":{"name":"logs","version":0},
"title":"Reference of a service's log lines","type":"object","additionalProperties":false,
"required":["serviceName","$schema","types"],
"properties":{
 "$schema":{"type":"string","format":"uri"},
 "serviceName":{"type":"string","pattern":"^[a-z][a-z0-9_-]*$"},
 "types":{"type":"array","uniqueItems":true,"items":{"type":"object",
  "additionalProperties":false,
  "required":["type","title","name","level","version","description","fields"],
  "properties":{
   "type":{"type":"string","pattern":"^[a-z][a-z0-9.-_]*"},
   "name":{"type":"string","pattern":"^[a-z][a-zA-Z0-9_]*"},
   "title":{"type":"string"},"description":{"type":"string"},
   "level":{"enum":["emerg","alert","crit","err","warning","notice","info","debug","any"]},
   "version":{"type":"integer","minimum":1},
   "fields":{"type":"object","additionalProperties":true}}}}}})";

constexpr const char* metrics_reference = R"({
"$schema":"@/schemas/common/metadata-metaschema.json#",
"$id":"@/schemas/common/metrics-reference-v0.json#",
"metadata":{"name":"metrics","version":0},
"title":"Reference of a service's metrics","type":"object","additionalProperties":false,
"required":["serviceName","$schema","metrics"],
"properties":{
 "$schema":{"type":"string","format":"uri"},
 "serviceName":{"type":"string","pattern":"^[a-z][a-z0-9_-]*$"},
 "metrics":{"type":"array","uniqueItems":true,"items":{"type":"object",
  "additionalProperties":false,"required":["name","type","description"],
  "properties":{
   "name":{"type":"string","pattern":"^[a-z][a-zA-Z0-9_]*"},
   "type":{"enum":["counter","gauge","histogram","summary"]},
   "title":{"type":"string"},"description":{"type":"string"},
   "labels":{"type":"object","additionalProperties":true},
   "buckets":{"type":"array","items":{"type":"number"}},
   "percentiles":{"type":"array","items":{"type":"number","minimum":0,"maximum":1}},
   "registers":{"type":"array","items":{"type":"string"}}}}}}})";

// Of old: what the manifest was before version 3.
constexpr const char* manifest_v2 = R"({
"$schema":"http://json-schema.org/draft-06/schema#",
"$id":"@/schemas/common/manifest-v2.json#",
"title":"List of services and their references","type":"object","additionalProperties":false,
"required":["services"],
"properties":{"services":{"type":"array","uniqueItems":true,"default":[],"items":{
 "type":"object","additionalProperties":false,"required":["serviceName"],
 "properties":{
  "serviceName":{"type":"string","pattern":"^[a-z][a-z0-9_-]*$"},
  "apis":{"$ref":"#/definitions/references"},
  "pulse":{"$ref":"#/definitions/references"}}}}},
"definitions":{"references":{"type":"array","uniqueItems":true,"default":[],"items":{
 "type":"object","additionalProperties":false,"required":["version","reference"],
 "properties":{
  "version":{"type":"string","pattern":"^v[0-9][0-9]*$"},
  "reference":{"type":"string"}}}}}})";

// Of the artifact `public/actions.json` of decision tasks: nothing here reads it, tools do.
constexpr const char* actions = R"({
"$schema":"http://json-schema.org/draft-06/schema#",
"$id":"@/schemas/common/action-schema-v1.json#",
"title":"Actions that people may trigger on a task group","type":"object",
"additionalProperties":false,"required":["version","actions","variables"],
"properties":{
 "version":{"type":"integer","enum":[1]},
 "variables":{"type":"object","additionalProperties":true},
 "actions":{"type":"array","uniqueItems":true,"items":{"anyOf":[
  {"type":"object","additionalProperties":false,
   "required":["kind","title","description","task"],
   "properties":{
    "kind":{"enum":["task"]},"task":{"type":"object"},
    "name":{"$ref":"#/definitions/name"},"title":{"$ref":"#/definitions/title"},
    "description":{"$ref":"#/definitions/description"},
    "context":{"$ref":"#/definitions/context"},
    "schema":{"$ref":"#/definitions/schema"},"extra":{"$ref":"#/definitions/extra"}}},
  {"type":"object","additionalProperties":false,
   "required":["kind","title","description","hookGroupId","hookId","hookPayload"],
   "properties":{
    "kind":{"enum":["hook"]},"hookGroupId":{"type":"string"},"hookId":{"type":"string"},
    "hookPayload":{"type":"object"},
    "name":{"$ref":"#/definitions/name"},"title":{"$ref":"#/definitions/title"},
    "description":{"$ref":"#/definitions/description"},
    "context":{"$ref":"#/definitions/context"},
    "schema":{"$ref":"#/definitions/schema"},"extra":{"$ref":"#/definitions/extra"}}}]}}},
"definitions":{
 "name":{"type":"string","maxLength":255},
 "title":{"type":"string","maxLength":255},
 "description":{"type":"string","maxLength":4096},
 "schema":{"description":"A JSON schema of what the person is asked for."},
 "extra":{"type":"object"},
 "context":{"type":"array","uniqueItems":true,"default":[],"items":{
  "type":"object","additionalProperties":{"type":"string","maxLength":4096}}}}})";

constexpr const char* manifest = R"({
"$schema":"@/schemas/common/metadata-metaschema.json#",
"$id":"@/schemas/common/manifest-v3.json#",
"metadata":{"name":"manifest","version":3},
"title":"List of all references","type":"object","additionalProperties":false,
"required":["$schema","references"],
"properties":{"$schema":{"type":"string","format":"uri"},
 "references":{"type":"array","uniqueItems":true,"items":{"type":"string","format":"uri"}}}})";

constexpr const char* metaschema = R"({
"$schema":"http://json-schema.org/draft-06/schema#",
"$id":"@/schemas/common/metaschema.json#",
"title":"Schema of a body","allOf":[{"$ref":"http://json-schema.org/draft-06/schema#"}]})";

constexpr const char* metadata_metaschema = R"({
"$schema":"http://json-schema.org/draft-06/schema#",
"$id":"@/schemas/common/metadata-metaschema.json#",
"title":"Schema of a reference","allOf":[{"$ref":"http://json-schema.org/draft-06/schema#"}],
"required":["metadata"],
"properties":{"metadata":{"type":"object","required":["name","version"],
 "properties":{"name":{"type":"string"},"version":{"type":"integer","minimum":0}}}}})";

constexpr CommonSchema schemas[] = {{"api-reference-v0", api_reference},
                                    {"exchanges-reference-v0", exchanges_reference},
                                    {"logs-reference-v0", logs_reference},
                                    {"metrics-reference-v0", metrics_reference},
                                    {"action-schema-v1", actions},
                                    {"manifest-v2", manifest_v2},
                                    {"manifest-v3", manifest},
                                    {"metaschema", metaschema},
                                    {"metadata-metaschema", metadata_metaschema}};

std::string with_root(std::string text, const std::string& root_url) {
  for (auto at = text.find("\"@/"); at != std::string::npos; at = text.find("\"@/", at)) {
    text.replace(at + 1, 1, root_url);
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> common_schemas(const std::string& root_url) {
  std::map<std::string, std::string> documents;
  for (const auto& schema : schemas) {
    documents["/schemas/common/" + std::string(schema.name) + ".json"] =
        with_root(schema.text, root_url);
  }
  return documents;
}

}  // namespace troupe::api
