// Reads the JSON files that hold credentials. Nothing of a token ever gets into a message.
#include "apps/troupe/client/client.h"
#include "apps/troupe/client/text_file.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

namespace troupe::client {
namespace {

Result<std::string> text_field(const rapidjson::Document& json,
                               const char* name,
                               const std::string& path) {
  const auto field = json.FindMember(name);
  if (field == json.MemberEnd()) return std::string();
  if (!field->value.IsString()) {
    return Error{Errc::invalid, path + ": `" + name + "` must be a text"};
  }
  return std::string(field->value.GetString(), field->value.GetStringLength());
}

}  // namespace

Result<Target> read_credentials(const std::string& path) {
  const Result<std::string> text = read_text_file(path);
  if (!text.ok()) return text.error();
  rapidjson::Document json;
  json.Parse(text.value().data(), text.value().size());
  if (json.HasParseError()) {
    return Error{Errc::invalid, path + ": not JSON at byte " +
                                    std::to_string(json.GetErrorOffset()) + ": " +
                                    rapidjson::GetParseError_En(json.GetParseError())};
  }
  if (!json.IsObject()) return Error{Errc::invalid, path + ": must hold a JSON object"};

  struct Field {
    const char* name;
    std::string Target::*member;
    bool required;
  };
  constexpr Field fields[] = {{"rpc", &Target::rpc, true},
                              {"clientId", &Target::client_id, true},
                              {"accessToken", &Target::access_token, true},
                              {"rootUrl", &Target::root_url, false},
                              {"ca", &Target::ca, false},
                              {"clientCert", &Target::client_cert, false},
                              {"clientKey", &Target::client_key, false},
                              {"serverName", &Target::server_name, false}};
  Target target;
  target.found_in = path;
  for (const Field& field : fields) {
    Result<std::string> value = text_field(json, field.name, path);
    if (!value.ok()) return std::move(value).error();
    if (field.required && value.value().empty()) {
      return Error{Errc::invalid, path + ": `" + field.name + "` is missing"};
    }
    target.*field.member = std::move(value).value();
  }
  target.platform = platform_of(target);
  return target;
}

}  // namespace troupe::client
