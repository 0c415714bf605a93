#include "runtime/amqp/address.h"

#include "runtime/http/router.h"

#include <charconv>
#include <optional>

namespace troupe::amqp {
namespace {

constexpr std::uint16_t plain_port = 5672;
constexpr std::uint16_t tls_port = 5671;

Error wrong(std::string what) {
  return {Errc::invalid, std::move(what)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (text.empty() || failure != std::errc{} || stop != end || port == 0) return std::nullopt;
  return port;
}

// `HOST`, `HOST:PORT`, `[::1]:PORT`
Status read_place(std::string_view text, Address& address) {
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("the bracket of the address is not closed");
    address.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    address.host = text.substr(0, colon);
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (address.host.empty()) return wrong("there is no host");
  if (rest.empty()) return Done{};
  const auto port = rest.starts_with(':') ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return wrong("the port is not a number from 1 to 65535");
  address.port = *port;
  return Done{};
}

}  // namespace

Result<Address> parse_address(std::string_view url) {
  Address address{.host = {}, .port = plain_port, .tls = false, .user = "guest", .vhost = "/"};
  constexpr std::string_view plain = "amqp://";
  constexpr std::string_view secured = "amqps://";
  address.tls = url.starts_with(secured);
  if (!address.tls && !url.starts_with(plain)) {
    return wrong("a broker's address begins with amqp:// or amqps://");
  }
  if (address.tls) address.port = tls_port;
  url.remove_prefix(address.tls ? secured.size() : plain.size());
  const auto slash = url.find('/');
  if (slash != std::string_view::npos && slash + 1 < url.size()) {
    const auto vhost = http::percent_decode(url.substr(slash + 1));
    if (!vhost || url.substr(slash + 1).find_first_of("/?#") != std::string_view::npos) {
      return wrong("the virtual host is not one word; a slash in it is %2F");
    }
    address.vhost = *vhost;
  }
  auto place = url.substr(0, slash);
  if (const auto at = place.rfind('@'); at != std::string_view::npos) {
    const auto user = place.substr(0, at);
    if (user.find(':') != std::string_view::npos) {
      return wrong("a password does not belong here, but into the file of amqp.password_file");
    }
    const auto decoded = http::percent_decode(user);
    if (!decoded || decoded->empty()) return wrong("the user's name is malformed");
    address.user = *decoded;
    place.remove_prefix(at + 1);
  }
  if (auto read = read_place(place, address); !read.ok()) return read.error();
  return address;
}

std::string to_string(const Address& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return std::string(address.tls ? "amqps://" : "amqp://") +
         (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace troupe::amqp
