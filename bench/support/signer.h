// Signs requests as a client of the API does: with the credentials of whoever asks, and a nonce
// that no request had before.
#pragma once

#include "runtime/hawk/sign.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::bench {

class Signer {
 public:
  /// `address`: `host:port` of the server.
  explicit Signer(std::string address);

  /// A whole HTTP/1.1 request. `body` is JSON; empty: none is sent. Its hash is not signed, as the
  /// API's official clients do it.
  std::string request(const hawk::Credentials& credentials,
                      std::string_view verb,
                      std::string_view path,
                      std::string_view body = {});

 private:
  const std::string address_;
  const std::string host_;
  const std::uint16_t port_;
  std::uint64_t nonce_ = 0;
};

}  // namespace troupe::bench
