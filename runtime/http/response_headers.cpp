#include "runtime/http/response_headers.h"

#include <algorithm>
#include <array>
#include <span>

namespace troupe::http {
namespace {

struct Header {
  const char* name;
  const char* value;
};

// `access-control-request-method` is a header of requests, and the cache directives want commas:
// but so it is said by what we answer like.
constexpr std::array<Header, 8> constant_headers = {{
    {"x-content-type-options", "nosniff"},
    {"content-security-policy",
     "report-uri /__cspreport__;default-src 'none';frame-ancestors 'none';"},
    {"cache-control", "no-store no-cache must-revalidate"},
    {"access-control-allow-origin", "*"},
    {"access-control-max-age", "900"},
    {"access-control-allow-methods", "OPTIONS,GET,HEAD,POST,PUT,DELETE,TRACE,CONNECT"},
    {"access-control-request-method", "*"},
    {"access-control-allow-headers",
     "X-Requested-With,Content-Type,Authorization,Accept,Origin,Cache-Control"},
}};
constexpr std::size_t headers_of_all = 2;  // the others are the API's

/// Whether a path lies below `/api/SERVICE/VERSION`, or is that.
bool is_api(std::string_view path) {
  constexpr std::string_view prefix = "/api/";
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  const auto service = path.find('/');
  if (service == 0 || service == std::string_view::npos) return false;
  auto version = path.substr(service + 1);
  version = version.substr(0, version.find('/'));
  return version.size() > 1 && version.starts_with('v') &&
         version.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

/// Names are checked and looked up once here, where each response would do so again.
struct Prepared {
  explicit Prepared(std::span<const Header> set) : constants(set) {
    for (const auto& [name, value] : constants) headers.add(name, value);
  }

  std::span<const Header> constants;
  kj::HttpHeaderTable table;
  kj::HttpHeaders headers{table};
};

const Prepared& prepared_for(std::string_view path) {
  constexpr std::span<const Header> all = constant_headers;
  static const Prepared of_all(all.first(headers_of_all));
  static const Prepared of_api(all);
  return is_api(path) ? of_api : of_all;
}

kj::HttpHeaders constants_beside(const Prepared& prepared, const Response& response) {
  const auto is_own = [&response](const Header& header) { return response.has(header.name); };
  if (std::ranges::none_of(prepared.constants, is_own)) return prepared.headers.cloneShallow();
  kj::HttpHeaders out(prepared.table);
  for (const auto& header : prepared.constants) {
    if (!is_own(header)) out.add(header.name, header.value);
  }
  return out;
}

}  // namespace

kj::HttpHeaders headers_of(std::string_view path, const Response& response) {
  auto out = constants_beside(prepared_for(path), response);
  for (const auto& [name, value] : response.headers) {
    out.add(kj::StringPtr(name.c_str(), name.size()), kj::StringPtr(value.c_str(), value.size()));
  }
  return out;
}

}  // namespace troupe::http
