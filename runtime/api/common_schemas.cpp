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
