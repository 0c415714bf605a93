// The JSON files of a data directory, between text and values. No file is touched here.
#pragma once

#include "runtime/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// `credentials.json`, of the platform's root or of a local worker.
struct Credentials {
  std::string root_url;
  std::vector<std::string> rpc;  // `unix:PATH` and `host:port`; one comma-separated text in JSON
  std::string client_id;
  std::string access_token;
  // Whose certificates of the server are trusted (PEM), or `system`; empty: TCP has no TLS.
  std::string ca = {};

  bool operator==(const Credentials&) const = default;
};

/// `addresses.json`: what the next start without flags listens on.
struct Addresses {
  std::string http;              // `host:port`
  std::vector<std::string> rpc;  // `host:port` or `unix:PATH`; DIR's own socket is not listed
  std::string root_url;          // as given on the command line; empty: made from `http`
  std::string exposure;          // `public`, `private`, or empty: this machine only

  bool operator==(const Addresses&) const = default;
};

/// Each decoder fails with `corrupt`; the text says where and why, and not what the file holds.
std::string encode_credentials(const Credentials& credentials);
Result<Credentials> decode_credentials(std::string_view text);

std::string encode_addresses(const Addresses& addresses);
Result<Addresses> decode_addresses(std::string_view text);

/// `unix:/a,127.0.0.1:7421`, and back.
std::string join_addresses(const std::vector<std::string>& addresses);
std::vector<std::string> split_addresses(std::string_view text);

}  // namespace troupe::server
