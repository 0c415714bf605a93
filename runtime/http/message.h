// An HTTP request and its response, as handlers see them.
#pragma once

#include "runtime/base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

struct Request {
  std::string method;                             // `GET`; a HEAD arrives as GET
  std::string path;                               // as sent, percent signs included; starts with /
  std::string query;                              // as sent, without the question mark
  std::map<std::string, std::string> headers;     // names in lower case
  std::map<std::string, std::string> parameters;  // of the route, decoded
  std::string body;

  /// The header's value, empty without one; `name` in lower case.
  std::string_view header(const std::string& name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside those of the body
};

/// 200 with a JSON text.
Response json_response(std::string body);

/// `{"code":...,"message":...}` with the status that belongs to the code. What went wrong inside
/// (`internal`, `corrupt`) is not told: the caller logs it.
Response error_response(const Error& error);

/// 404 `{"error":"Not found"}`. Source: spec/api-framework.md, "Routing rules".
Response not_found_response();

/// The status of an Error: the one table for HTTP.
unsigned status_of(Errc code);

/// `Not Found` for 404; a general word for what is not in the list.
const char* status_text(unsigned status);

}  // namespace troupe::http
