#include "apps/troupe/server/backup.h"
#include "runtime/base/json_writer.h"

#include <rapidjson/document.h>

namespace troupe::server {
namespace {

constexpr int manifest_format = 1;

std::string text_of(const rapidjson::Document& document, const char* name) {
  const auto found = document.FindMember(name);
  if (found == document.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

}  // namespace

std::string encode_manifest(const BackupManifest& manifest) {
  JsonWriter json;
  json.begin_object().key("format").int64(manifest_format);
  json.key("data").string(manifest.data).key("made").string(manifest.made);
  json.key("version").string(manifest.version).key("blobs").boolean(manifest.blobs);
  json.end_object();
  return json.take() + "\n";
}

Result<BackupManifest> decode_manifest(std::string_view text) {
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError() || !document.IsObject()) {
    return Error{Errc::corrupt, "holds no JSON object"};
  }
  const auto format = document.FindMember("format");
  if (format == document.MemberEnd() || !format->value.IsInt()) {
    return Error{Errc::corrupt, "names no format"};
  }
  BackupManifest manifest;
  manifest.data = text_of(document, "data");
  manifest.made = text_of(document, "made");
  manifest.version = text_of(document, "version");
  if (format->value.GetInt() != manifest_format) {
    return Error{Errc::corrupt, "has backup format " + std::to_string(format->value.GetInt()) +
                                    " (made by troupe " + manifest.version +
                                    "); this is troupe " TROUPE_VERSION ", which reads format " +
                                    std::to_string(manifest_format)};
  }
  const auto blobs = document.FindMember("blobs");
  manifest.blobs = blobs != document.MemberEnd() && blobs->value.IsTrue();
  const bool plain =
      manifest.data.starts_with("data-") && manifest.data.find('/') == std::string::npos;
  if (!plain) return Error{Errc::corrupt, "names no folder of data"};
  return manifest;
}

}  // namespace troupe::server
