#include "apps/troupe/server/data_files.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <utility>

namespace troupe::server {
namespace {

using Json = rapidjson::Value;
using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

// Reads the fields of one object; remembers the first fault.
class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) {}

  std::string text(const char* name) {
    const Json* value = find(name);
    if (value == nullptr) return {};
    if (!value->IsString()) return fault(name, "is not a text");
    return {value->GetString(), value->GetStringLength()};
  }

  std::string required_text(const char* name) {
    std::string value = text(name);
    if (value.empty()) fault(name, "is missing");
    return value;
  }

  std::string fault(const char* name, const char* what) {
    if (fault_.empty()) fault_ = fmt::format("\"{}\" {}", name, what);
    return {};
  }

  const std::string& first_fault() const { return fault_; }

 private:
  const Json* find(const char* name) const {
    const auto found = object_.FindMember(name);
    return found == object_.MemberEnd() ? nullptr : &found->value;
  }

  const Json& object_;
  std::string fault_;
};

Status parse_object(std::string_view text, rapidjson::Document& document) {
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) {
    return Error{Errc::corrupt, fmt::format("no JSON, at byte {}: {}", document.GetErrorOffset(),
                                            rapidjson::GetParseError_En(document.GetParseError()))};
  }
  if (!document.IsObject()) return Error{Errc::corrupt, "holds no JSON object"};
  return Done{};
}

void write_text(Writer& writer, const char* name, const std::string& value) {
  writer.Key(name);
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

// The text of the object that `write_fields` fills.
template <class WriteFields>
std::string object_text(WriteFields write_fields) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.SetIndent(' ', 2);
  writer.StartObject();
  write_fields(writer);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + '\n';
}

}  // namespace

std::string encode_credentials(const Credentials& credentials) {
  return object_text([&credentials](Writer& writer) {
    write_text(writer, "rootUrl", credentials.root_url);
    write_text(writer, "rpc", join_addresses(credentials.rpc));
    write_text(writer, "clientId", credentials.client_id);
    write_text(writer, "accessToken", credentials.access_token);
    if (!credentials.ca.empty()) write_text(writer, "ca", credentials.ca);
  });
}

Result<Credentials> decode_credentials(std::string_view text) {
  rapidjson::Document document;
  auto parsed = parse_object(text, document);
  if (!parsed) return std::move(parsed).error();
  Fields fields(document);
  Credentials credentials{.root_url = fields.text("rootUrl"),
                          .rpc = split_addresses(fields.text("rpc")),
                          .client_id = fields.required_text("clientId"),
                          .access_token = fields.required_text("accessToken"),
                          .ca = fields.text("ca")};
  if (!fields.first_fault().empty()) return Error{Errc::corrupt, fields.first_fault()};
  return credentials;
}

std::string encode_addresses(const Addresses& addresses) {
  return object_text([&addresses](Writer& writer) {
    write_text(writer, "http", addresses.http);
    write_text(writer, "rpc", join_addresses(addresses.rpc));
    write_text(writer, "rootUrl", addresses.root_url);
    write_text(writer, "exposure", addresses.exposure);
  });
}

Result<Addresses> decode_addresses(std::string_view text) {
  rapidjson::Document document;
  auto parsed = parse_object(text, document);
  if (!parsed) return std::move(parsed).error();
  Fields fields(document);
  Addresses addresses{.http = fields.required_text("http"),
                      .rpc = split_addresses(fields.text("rpc")),
                      .root_url = fields.text("rootUrl"),
                      .exposure = fields.text("exposure")};
  if (!fields.first_fault().empty()) return Error{Errc::corrupt, fields.first_fault()};
  return addresses;
}

std::string join_addresses(const std::vector<std::string>& addresses) {
  return fmt::format("{}", fmt::join(addresses, ","));
}

std::vector<std::string> split_addresses(std::string_view text) {
  std::vector<std::string> addresses;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (comma != 0) addresses.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return addresses;
}

}  // namespace troupe::server
