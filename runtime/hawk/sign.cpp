#include "runtime/hawk/sign.h"

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/base/json_writer.h"
#include "runtime/hawk/certificate.h"
#include "runtime/hawk/ext.h"
#include "runtime/hawk/mac.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace troupe::hawk {
namespace {

constexpr std::size_t seed_bytes = 44;

std::string seconds_text(Instant t) {
  return fmt::format("{}", t.ms / 1'000);
}

std::string ext_of(const Credentials& credentials) {
  return make_ext(credentials.certificate, credentials.authorized_scopes);
}

void put_attribute(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!out.ends_with(' ')) out += ", ";
  out.append(name).append("=\"").append(value).append("\"");
}

// The parts of a URL; all views of it.
struct Url {
  std::string_view host;  // of IPv6 with its brackets
  std::uint16_t port = 0;
  std::string_view before_resource;  // `https://host:port`
  std::string_view resource;         // may be empty
  std::string_view fragment;         // with its `#`
};

Result<Url> parse_url(std::string_view text) {
  const Error fault{Errc::invalid,
                    fmt::format("\"{}\" is not http://HOST/PATH or https://HOST/PATH", text)};
  Url url;
  std::string_view rest = text;
  url.fragment = rest.substr(std::min(rest.find('#'), rest.size()));
  rest.remove_suffix(url.fragment.size());
  if (rest.starts_with("https://")) {
    url.port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    url.port = 80;
    rest.remove_prefix(7);
  } else {
    return fault;
  }
  const std::string_view authority =
      rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
  url.resource = rest.substr(authority.size());
  url.before_resource = text.substr(0, text.size() - url.fragment.size() - url.resource.size());
  if (authority.find('@') != std::string_view::npos) return fault;

  const auto bracket = std::min(authority.find(']'), authority.size());
  const auto colon =
      std::min(authority.find(':', authority.starts_with('[') ? bracket : 0), authority.size());
  url.host = authority.substr(0, colon);
  const std::string_view port = authority.substr(std::min(colon + 1, authority.size()));
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size()) return fault;
  }
  if (url.host.empty()) return fault;
  return url;
}

Status check_grant(const Credentials& issuer, const TemporaryGrant& grant) {
  const auto invalid = [](std::string text) { return Error{Errc::invalid, std::move(text)}; };
  if (!issuer.certificate.empty()) {
    return invalid("temporary credentials of " + issuer.client_id +
                   " cannot issue others: use permanent ones");
  }
  if (grant.expiry < grant.start)
    return invalid("temporary credentials would end before they begin");
  if (grant.expiry - grant.start > certificate_duration_max) {
    return invalid("temporary credentials cannot last longer than 31 days");
  }
  if (grant.client_id == issuer.client_id) {
    return invalid("temporary credentials cannot have the name of their issuer, " +
                   issuer.client_id + ": give another, or none");
  }
  for (const std::string& scope : grant.scopes) {
    if (!is_valid_scope(scope)) return invalid("a scope has characters beside printable ASCII");
  }
  return Done{};
}

std::string certificate_json(const Certificate& certificate) {
  JsonWriter json;
  json.begin_object().key("version").int64(1).key("scopes").begin_array();
  for (const std::string& scope : certificate.scopes) json.string(scope);
  json.end_array();
  json.key("start").int64(static_cast<std::int64_t>(certificate.start));
  json.key("expiry").int64(static_cast<std::int64_t>(certificate.expiry));
  json.key("seed").string(certificate.seed);
  json.key("signature").string(certificate.signature.value_or(""));
  if (certificate.issuer) json.key("issuer").string(*certificate.issuer);
  return json.end_object().take();
}

}  // namespace

std::string sign_request(const Credentials& credentials,
                         const Outgoing& request,
                         Instant now,
                         std::string_view nonce) {
  const std::string ts = seconds_text(now);
  const std::string ext = ext_of(credentials);
  std::string hash;
  if (request.payload) hash = payload_hash(request.payload->content_type, request.payload->body);
  const std::string mac = request_mac(Scheme::header, credentials.access_token,
                                      {.ts = ts,
                                       .nonce = nonce,
                                       .method = request.method,
                                       .resource = request.resource,
                                       .host = request.host,
                                       .port = request.port,
                                       .hash = hash,
                                       .ext = ext,
                                       .app = {},
                                       .dlg = {}});
  std::string header = "Hawk ";
  put_attribute(header, "id", credentials.client_id);
  put_attribute(header, "ts", ts);
  put_attribute(header, "nonce", nonce);
  put_attribute(header, "hash", hash);
  put_attribute(header, "ext", ext);
  put_attribute(header, "mac", mac);
  return header;
}

Result<std::string> sign_url(const Credentials& credentials,
                             std::string_view url,
                             Instant expires) {
  const auto parsed = parse_url(url);
  if (!parsed) return parsed.error();
  const Url& parts = parsed.value();
  // What an HTTP client sends for a URL without a path.
  const std::string resource =
      (parts.resource.starts_with('/') ? "" : "/") + std::string(parts.resource);
  const std::string exp = seconds_text(expires);
  const std::string ext = ext_of(credentials);
  const std::string mac = request_mac(Scheme::bewit, credentials.access_token,
                                      {.ts = exp,
                                       .nonce = {},
                                       .method = "GET",
                                       .resource = resource,
                                       .host = parts.host,
                                       .port = parts.port,
                                       .hash = {},
                                       .ext = ext,
                                       .app = {},
                                       .dlg = {}});
  const std::string bewit = fmt::format("{}\\{}\\{}\\{}", credentials.client_id, exp, mac, ext);
  const char separator = resource.find('?') == std::string::npos ? '?' : '&';
  return fmt::format("{}{}{}bewit={}{}", parts.before_resource, resource, separator,
                     to_base64url(as_bytes(bewit)), parts.fragment);
}

Result<Credentials> make_temporary(const Credentials& issuer,
                                   const TemporaryGrant& grant,
                                   std::string_view seed) {
  TROUPE_EXPECTS(seed.size() == seed_bytes);
  auto checked = check_grant(issuer, grant);
  if (!checked) return std::move(checked).error();
  const bool named = !grant.client_id.empty();
  const std::string& client_id = named ? grant.client_id : issuer.client_id;
  Certificate certificate;
  certificate.seed = seed;
  certificate.start = static_cast<double>(grant.start.ms);
  certificate.expiry = static_cast<double>(grant.expiry.ms);
  certificate.scopes = grant.scopes;
  if (named) certificate.issuer = issuer.client_id;
  certificate.signature =
      sign_certificate(certificate, {client_id, issuer.client_id}, issuer.access_token);
  return Credentials{.client_id = client_id,
                     .access_token = derived_token(issuer.access_token, seed),
                     .certificate = certificate_json(certificate)};
}

}  // namespace troupe::hawk
