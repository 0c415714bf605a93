#include "runtime/hawk/ext.h"

#include "runtime/base/hash.h"
#include "runtime/base/json_writer.h"
#include "runtime/base/utf8.h"
#include "runtime/hawk/refusal.h"

#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace troupe::hawk {
namespace {

using Json = rapidjson::Value;

constexpr std::size_t seed_bytes = 44;

// A usual `ext` needs no memory from the heap.
constexpr std::size_t pool_bytes = 8 * 1024;
using Pool = rapidjson::MemoryPoolAllocator<>;
using Document = rapidjson::GenericDocument<rapidjson::UTF8<>, Pool, Pool>;
// No validation of UTF-8 here: the parser's reads on behind the end of a text that ends inside a
// code point.
constexpr unsigned parse_flags = rapidjson::kParseIterativeFlag;

std::string text_of(const Json& value) {
  return {value.GetString(), value.GetStringLength()};
}

// The last of this name counts, as everywhere in the API. Null if there is none.
const Json* find(const Json& object, std::string_view name) {
  const Json* found = nullptr;
  for (const auto& member : object.GetObject()) {
    if (name == std::string_view(member.name.GetString(), member.name.GetStringLength())) {
      found = &member.value;
    }
  }
  return found;
}

// The list `value`, or the fault in it, which begins with `name`.
std::string read_scopes(const Json* value,
                        const std::string& name,
                        std::vector<std::string>& scopes) {
  if (value == nullptr || !value->IsArray()) return name + " must be an array";
  const auto items = value->GetArray();
  const bool valid = std::all_of(items.begin(), items.end(), [](const Json& item) {
    return item.IsString() && is_valid_scope({item.GetString(), item.GetStringLength()});
  });
  if (!valid) return name + " must be an array of valid scopes";
  scopes.reserve(items.Size());
  for (const Json& item : items) scopes.push_back(text_of(item));
  return {};
}

void read_issuer(const Json& object, Certificate& certificate) {
  const Json* issuer = find(object, "issuer");
  if (issuer == nullptr) return;
  if (issuer->IsString()) {
    certificate.issuer = text_of(*issuer);
  } else {
    certificate.issuer_fault = "ext.certificate.issuer must be a string";
  }
}

// Returns the first fault, in the order in which they are to be found.
std::string read_shape(const Json& object, Certificate& certificate) {
  const Json* version = find(object, "version");
  if (version == nullptr || !version->IsNumber() || version->GetDouble() != 1) {
    return "ext.certificate.version must be 1";
  }
  const Json* seed = find(object, "seed");
  if (seed == nullptr || !seed->IsString()) return "ext.certificate.seed must be a string";
  if (seed->GetStringLength() != seed_bytes) return "ext.certificate.seed must be 44 characters";
  certificate.seed = text_of(*seed);
  const Json* start = find(object, "start");
  if (start == nullptr || !start->IsNumber()) return "ext.certificate.start must be a number";
  certificate.start = start->GetDouble();
  const Json* expiry = find(object, "expiry");
  if (expiry == nullptr || !expiry->IsNumber()) return "ext.certificate.expiry must be a number";
  certificate.expiry = expiry->GetDouble();
  const Json* signature = find(object, "signature");
  if (signature != nullptr && signature->IsString()) certificate.signature = text_of(*signature);
  certificate.has_client_id = find(object, "clientId") != nullptr;
  return read_scopes(find(object, "scopes"), "ext.certificate.scopes", certificate.scopes);
}

Certificate read_certificate(const Json& value) {
  Certificate certificate;
  if (!value.IsObject()) {
    certificate.fault = "ext.certificate must be a JSON object";
    return certificate;
  }
  read_issuer(value, certificate);
  certificate.fault = read_shape(value, certificate);
  return certificate;
}

}  // namespace

bool is_valid_scope(std::string_view scope) {
  return std::all_of(scope.begin(), scope.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

Result<Ext> parse_ext(std::string_view text) {
  const Error fault = refused("Failed to parse ext");
  auto json = from_base64(text);
  // The parser would stop at a zero byte, as if it were the end.
  if (!json || json->find('\0') != std::string::npos || utf8_fault(*json)) return fault;
  alignas(std::max_align_t) std::array<char, pool_bytes> buffer;
  alignas(std::max_align_t) std::array<char, pool_bytes / 4> stack_buffer;
  Pool pool(buffer.data(), buffer.size());
  Pool stack_pool(stack_buffer.data(), stack_buffer.size());
  Document document(&pool, stack_buffer.size() / 2, &stack_pool);
  document.ParseInsitu<parse_flags>(json->data());
  if (document.HasParseError() || !document.IsObject()) return fault;

  Ext ext;
  if (const Json* certificate = find(document, "certificate")) {
    ext.certificate = read_certificate(*certificate);
  }
  if (const Json* scopes = find(document, "authorizedScopes")) {
    auto& authorized = ext.authorized_scopes.emplace();
    authorized.fault = read_scopes(scopes, "ext.authorizedScopes", authorized.scopes);
  }
  return ext;
}

std::string make_ext(std::string_view certificate,
                     const std::optional<std::vector<std::string>>& authorized_scopes) {
  if (certificate.empty() && !authorized_scopes) return {};
  JsonWriter json;
  json.begin_object();
  if (!certificate.empty()) json.key("certificate").raw(certificate);
  if (authorized_scopes) {
    json.key("authorizedScopes").begin_array();
    for (const std::string& scope : *authorized_scopes) json.string(scope);
    json.end_array();
  }
  return to_base64(as_bytes(json.end_object().take()));
}

}  // namespace troupe::hawk
