#include "runtime/hawk/endpoint.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace troupe::hawk {
namespace {

std::string_view first_value(std::string_view list) {
  list = list.substr(0, list.find(','));
  while (list.starts_with(' ')) list.remove_prefix(1);
  while (list.ends_with(' ')) list.remove_suffix(1);
  return list;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// Letters of host names and of addresses, these in brackets if they have colons.
bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') &&
           host.find_first_not_of("0123456789abcdefABCDEF:.", 1) == host.size() - 1;
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

}  // namespace

Result<Endpoint> endpoint_of(const EndpointHeaders& headers) {
  const std::string_view text = headers.host;
  const auto from = text.starts_with('[') ? text.find(']') : 0;
  const auto colon = std::min(text.find(':', std::min(from, text.size())), text.size());
  const std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(std::min(colon + 1, text.size()));
  const auto own_port = parse_port(port_text);
  if (!is_host(host) || (!port_text.empty() && !own_port)) {
    return Error{Errc::invalid, "the Host header is absent or malformed"};
  }

  Endpoint endpoint{.host = lower_case(host), .port = 0};
  if (const auto forwarded = parse_port(first_value(headers.forwarded_port))) {
    endpoint.port = *forwarded;
  } else if (lower_case(first_value(headers.forwarded_proto)) == "https") {
    endpoint.port = 443;
  } else {
    endpoint.port = own_port.value_or(headers.is_tls ? 443 : 80);
  }
  return endpoint;
}

}  // namespace troupe::hawk
