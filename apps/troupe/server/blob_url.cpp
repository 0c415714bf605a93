#include "apps/troupe/server/blob_url.h"

#include "runtime/api/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace troupe::server {
namespace {

constexpr std::string_view purpose = "blobs";

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view text, bool with_slashes) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c) || (c == '/' && !with_slashes)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Clients tidy up such paths before they send them, but leave encoded slashes alone.
bool would_be_tidied(std::string_view path) {
  const auto holds = [path](std::string_view part) {
    return path.find(part) != std::string_view::npos;
  };
  return holds("//") || holds("/./") || holds("/../") || path.ends_with("/.") ||
         path.ends_with("/..") || path.ends_with('/');
}

// No two grants have the same text: what may hold anything stands at the end, or says its length.
std::string signed_text(const BlobGrant& grant) {
  const std::string length = grant.length ? std::to_string(*grant.length) : "";
  return fmt::format("{}\n{}\n{}\n{}:{}\n{}:{}\n{}", grant.verb, grant.expires.ms, length,
                     grant.upload_id.size(), grant.upload_id, grant.path.size(), grant.path,
                     grant.content_type);
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// False for what no URL of ours has.
bool read_parameter(const std::string& name, const std::string& value, BlobGrant& grant) {
  if (name == "expires") {
    const auto ms = read_number<std::int64_t>(value);
    if (ms) grant.expires = Instant{*ms};
    return ms.has_value();
  }
  if (name == "length") {
    grant.length = read_number<std::uint64_t>(value);
    return grant.length.has_value();
  }
  if (name == "type") grant.content_type = value;
  if (name == "upload") grant.upload_id = value;
  return name == "type" || name == "upload";
}

}  // namespace

std::string artifact_blob_path(const std::string& task_id,
                               std::uint32_t run,
                               const std::string& name) {
  return fmt::format("artifacts/{}/{}/{}", task_id, run, name);
}

std::string blob_url(const Site& site, const BlobGrant& grant) {
  std::string path;
  // The first three parts are words of ours; what follows them is a name that may be anything.
  std::size_t head = 0;
  const int words = grant.path.starts_with("artifacts/") ? 3 : 1;
  for (int i = 0; i < words; ++i) head = grant.path.find('/', head) + 1;
  const std::string_view name = std::string_view(grant.path).substr(head);
  path =
      grant.path.substr(0, head) + percent_encoded(name, would_be_tidied("/" + std::string(name)));
  std::string url = fmt::format("{}/blobs/{}?expires={}", site.root_url, path, grant.expires.ms);
  if (!grant.content_type.empty()) url += "&type=" + percent_encoded(grant.content_type, true);
  if (grant.length) url += "&length=" + std::to_string(*grant.length);
  if (!grant.upload_id.empty()) url += "&upload=" + grant.upload_id;
  return url + "&signature=" + site.keys.sign(signed_text(grant), purpose);
}

Result<BlobGrant> read_blob_url(const Site& site, const http::Request& request, std::string path) {
  const Error altered{Errc::forbidden,
                      "this URL is not signed, or was altered: ask for another one"};
  auto query = api::read_query(request.query);
  if (!query.ok()) return altered;
  BlobGrant grant{.verb = request.method, .path = std::move(path), .expires = {}};
  std::string signature;
  for (const auto& [name, value] : query.value()) {
    if (name == "signature") {
      signature = value;
    } else if (!read_parameter(name, value, grant)) {
      return altered;
    }
  }
  if (!site.keys.verify(signature, signed_text(grant), purpose)) return altered;
  if (grant.expires < site.now()) {
    return Error{Errc::forbidden,
                 "this URL was good until " + format_time(grant.expires) + ": ask for another one"};
  }
  return grant;
}

}  // namespace troupe::server
