#include "runtime/http/reply.h"

#include "runtime/base/random.h"
#include "runtime/http/content_coding.h"
#include "runtime/http/request_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <utility>

namespace troupe::http {

namespace {

constexpr std::size_t trace_id_bytes_max = 128;

void add_missing(Response& response, std::string_view name, std::string_view value) {
  if (!response.has(name)) response.headers.emplace_back(name, value);
}

bool is_json(std::string_view media_type) {
  return media_type == "application/json" || media_type.ends_with("+json");
}

bool is_compressible(std::string_view media_type) {
  return media_type.starts_with("text/") || is_json(media_type) || media_type.ends_with("+xml") ||
         media_type == "application/xml" || media_type == "application/javascript";
}

std::string tag_of(std::string_view body) {
  return fmt::format("W/\"{:x}-{:x}\"", body.size(), std::hash<std::string_view>{}(body));
}

void tag(const Request& request, std::string_view media_type, Response& response) {
  if (request.method != "GET" || response.status != 200 || !is_json(media_type)) return;
  if (response.body.empty() || response.has("etag")) return;
  std::string made = tag_of(response.body);
  if (matches_tag(request.header("if-none-match"), made)) {
    response.status = 304;
    response.body.clear();
  }
  response.headers.emplace_back("etag", std::move(made));
}

void pack(const Request& request, std::string_view media_type, Response& response) {
  if (response.body.size() < compressed_bytes_min || !is_compressible(media_type)) return;
  if (response.status == 206 || response.has("content-encoding")) return;
  add_missing(response, "vary", "Accept-Encoding");
  const Coding coding = choose_coding(request.header("accept-encoding"));
  if (coding == Coding::identity) return;
  std::string packed = compress(coding, response.body);
  if (packed.size() >= response.body.size()) return;
  response.body = std::move(packed);
  response.headers.emplace_back("content-encoding", name_of(coding));
}

}  // namespace

void complete_response(const Request& request, Response& response) {
  if (response.status == 204 || response.status == 304) response.body.clear();
  const std::string media_type = media_type_of(response.content_type);
  tag(request, media_type, response);
  pack(request, media_type, response);
  if (response.status == 204 || response.status == 304) response.stream = nullptr;
  if (!response.body.empty() || response.stream) {
    add_missing(response, "content-type", response.content_type);
  }
  add_missing(response, "x-for-request-id", request.request_id);
  add_missing(response, "x-for-trace-id", request.trace_id);
}

bool matches_tag(std::string_view list, std::string_view tag) {
  const auto opaque = [](std::string_view text) {
    if (text.starts_with("W/")) text.remove_prefix(2);
    return text;
  };
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto item = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (item == "*" || opaque(item) == opaque(tag)) return true;
  }
  return false;
}

std::string trace_id_of(std::string_view given) {
  const bool printable =
      std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (given.empty() || given.size() > trace_id_bytes_max || !printable) return new_uuid();
  return std::string(given);
}

}  // namespace troupe::http
