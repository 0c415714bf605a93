#include "runtime/http/message.h"

#include "runtime/base/assert.h"
#include "runtime/base/json_writer.h"

#include <algorithm>

namespace troupe::http {

const std::string* Parameters::find(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

const std::string& Parameters::at(std::string_view name) const {
  const std::string* found = find(name);
  TROUPE_EXPECTS(found != nullptr);
  return *found;
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& entry : headers) {
    if (entry.first == name) return entry.second;
  }
  return {};
}

bool Response::has(std::string_view name) const {
  return std::ranges::any_of(headers, [name](const auto& entry) { return entry.first == name; });
}

Response json_response(std::string body) {
  Response out;
  out.body = std::move(body);
  return out;
}

Response error_response(const Error& error) {
  const bool ours = error.code == Errc::internal || error.code == Errc::corrupt;
  const std::string message = ours ? "Internal Server Error" : error.detail;
  JsonWriter json;
  json.begin_object().key("code").string(to_string(error.code));
  json.key("message").string(message).end_object();
  Response out = json_response(json.take());
  out.status = status_of(error.code);
  if (is_retryable(error.code)) out.headers.emplace_back("retry-after", "1");
  return out;
}

Response not_found_response() {
  Response out = json_response("{\"error\":\"Not found\"}");
  out.status = 404;
  return out;
}

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::invalid:
    case Errc::malformed:
    case Errc::bad_arguments:
    case Errc::invalid_payload: return 400;
    case Errc::unauthenticated: return 401;
    case Errc::forbidden: return 403;
    case Errc::not_found: return 404;
    case Errc::not_acceptable: return 406;
    case Errc::stale:
    case Errc::conflict: return 409;
    case Errc::expired: return 410;
    case Errc::too_large: return 413;
    case Errc::too_many_requests: return 429;
    case Errc::busy:
    case Errc::unavailable: return 503;
    case Errc::corrupt:
    case Errc::internal: return 500;
  }
  return 500;
}

const char* status_text(unsigned status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 424: return "Failed Dependency";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return status < 400 ? "OK" : "Error";
  }
}

}  // namespace troupe::http
