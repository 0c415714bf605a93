#include "bench/support/signer.h"

#include "runtime/clock/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace troupe::bench {

Signer::Signer(std::string address)
    : address_(std::move(address)),
      host_(address_.substr(0, address_.rfind(':'))),
      port_(static_cast<std::uint16_t>(std::stoul(address_.substr(address_.rfind(':') + 1)))) {}

std::string Signer::request(const hawk::Credentials& credentials,
                            std::string_view verb,
                            std::string_view path,
                            std::string_view body) {
  std::string method(verb);
  std::ranges::transform(method, method.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto authorization = hawk::sign_request(
      credentials, {.method = method, .resource = path, .host = host_, .port = port_}, wall_now(),
      fmt::format("{:06x}", nonce_++));
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n", verb, path,
                                address_, authorization);
  if (!body.empty()) {
    out += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  } else if (verb != "GET") {
    out += "Content-Length: 0\r\n";
  }
  out += "\r\n";
  out += body;
  return out;
}

}  // namespace troupe::bench
