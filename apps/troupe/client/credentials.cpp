// Reads the JSON files that hold credentials. Nothing of a token ever gets into a message.
#include "apps/troupe/client/client.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

namespace troupe::client {
namespace {

// A credentials file is a few hundred bytes; anything else is another file by mistake.
constexpr std::size_t file_bytes_max = 1 << 20;

Result<std::string> read_small_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int code = errno;
    const std::string detail = path + ": " + std::generic_category().message(code);
    if (code == ENOENT || code == ENOTDIR) return Error{Errc::not_found, detail};
    return Error{Errc::forbidden, "cannot read " + detail};
  }
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error{Errc::forbidden, "cannot read " + path};
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_bytes_max) {
    return Error{Errc::invalid, path + ": too large for a credentials file"};
  }
  return text;
}

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
  const Result<std::string> text = read_small_file(path);
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
                              {"rootUrl", &Target::root_url, false}};
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
