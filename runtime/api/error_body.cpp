#include "runtime/api/error_body.h"

#include "runtime/base/json_writer.h"
#include "runtime/base/utf8.h"
#include "runtime/transcode/rules.h"
#include "runtime/transcode/tape.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace troupe::api {
namespace {

using Document = rapidjson::Document;
using Value = rapidjson::Value;

void fill(Value& value, const transcode::ValueRules& rules, Document::AllocatorType& memory) {
  using transcode::Shape;
  if (rules.shape == Shape::list && value.IsArray()) {
    for (auto& item : value.GetArray()) fill(item, *rules.item, memory);
  }
  if (rules.shape != Shape::structure || !value.IsObject()) return;
  for (const auto& field : rules.structure->fields) {
    const auto member = value.FindMember(field.name.c_str());
    if (member != value.MemberEnd()) {
      fill(member->value, field.value, memory);
      continue;
    }
    if (field.fallback == nullptr) continue;
    const auto source = field.fallback->source();
    Document made(&memory);
    made.Parse(source.data(), source.size());
    value.AddMember(Value(field.name.c_str(), memory), made, memory);
  }
}

// `* method:     createClient` and so on, which clients cut off.
std::string footer(const RequestInfo& info, const Error& error, unsigned status) {
  return "\n\n---\n\n* method:     " + info.method.name +
         "\n* errorCode:  " + to_string(error.code) + "\n* statusCode: " + std::to_string(status) +
         "\n* time:       " + format_time(info.time);
}

std::string payload(const RequestInfo& info, const Error& error) {
  const std::string_view body = info.body->empty() ? std::string_view("{}") : *info.body;
  std::string problem;
  if (transcode::is_json(body, problem)) {
    if (!info.is_filled) return transcode::compact_json(body);
    std::string filled = with_defaults(info.method, body);
    return info.complete ? info.complete(info, filled, error) : filled;
  }
  JsonWriter json;
  return json.string(body).take();
}

}  // namespace

std::string with_defaults(const Method& method, std::string_view body) {
  if (!method.body) return transcode::compact_json(body);
  Document document;
  document.Parse(body.data(), body.size());
  if (document.HasParseError()) return transcode::compact_json(body);
  fill(document, method.parameters[*method.body].rules->value, document.GetAllocator());
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  document.Accept(writer);
  // Halves of surrogate pairs are no UTF-8.
  return repaired_utf8({buffer.GetString(), buffer.GetSize()});
}

http::Response error_answer(const Error& error,
                            const RequestInfo& info,
                            const std::string& incident) {
  const unsigned status = info.status != 0 ? info.status : http::status_of(error.code);
  const std::string text =
      status == 500 ? "Internal Server Error, incidentId " + incident + "." : error.detail;
  JsonWriter json;
  json.begin_object().key("code").string(to_string(error.code));
  json.key("message").string(text + footer(info, error, status));
  json.key("requestInfo").begin_object();
  json.key("method").string(info.method.name);
  json.key("params").begin_object();
  for (const auto& [name, value] : info.params) json.key(name).string(value);
  json.end_object();
  if (info.body) json.key("payload").raw(payload(info, error));
  json.key("time").string(format_time(info.time));
  json.end_object().end_object();
  http::Response response = http::json_response(json.take());
  response.status = status;
  if (status == 401) response.headers.emplace_back("www-authenticate", "hawk");
  if (is_retryable(error.code)) response.headers.emplace_back("retry-after", "1");
  return response;
}

}  // namespace troupe::api
