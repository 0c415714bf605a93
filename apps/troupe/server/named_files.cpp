#include "apps/troupe/server/named_files.h"

#include "apps/troupe/server/config_value.h"
#include "apps/troupe/server/data_dir.h"
#include "apps/troupe/server/files.h"
#include "runtime/base/key_ring.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

namespace troupe::server {
namespace {

// Files whose contents are nobody's business.
constexpr std::array<std::string_view, 6> secret_keys = {
    "http.tls_key",       "rpc.tls_key", "auth.static_clients", "auth.websocktunnel_secret",
    "amqp.password_file", "amqp.tls_key"};
// A group of administrators may read such a file; others may not, and nobody else may write it.
constexpr mode_t too_open = S_IWGRP | S_IRWXO;

std::string without_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<std::vector<StaticClient>> read_clients(const std::string& path) {
  if (path.empty()) return std::vector<StaticClient>();
  auto text = read_file(path);
  if (!text.ok()) return Error{Errc::invalid, "auth.static_clients: " + text.error().detail};
  auto clients = read_static_clients(text.value());
  if (clients.ok()) return clients;
  std::vector<std::string> faults = lines_of(clients.error().detail);
  for (std::string& fault : faults) fault.insert(0, "auth.static_clients " + path + ": ");
  return Error{Errc::invalid, fmt::format("{}", fmt::join(faults, "\n"))};
}

Result<Secret> read_secret(const std::string& key, const std::string& path) {
  if (path.empty()) return Secret();
  auto text = read_file(path);
  if (!text.ok()) return Error{Errc::invalid, key + ": " + text.error().detail};
  Secret secret(without_end(std::move(text).value()));
  if (secret.empty()) return Error{Errc::invalid, key + " " + path + ": it is empty"};
  return secret;
}

Result<Secret> read_websocktunnel_secret(const std::string& path) {
  return read_secret("auth.websocktunnel_secret", path);
}

Result<std::optional<amqp::Options>> read_broker(const Settings& settings) {
  if (settings.amqp_url.empty()) return std::optional<amqp::Options>();
  auto address = amqp::parse_address(settings.amqp_url);
  if (!address.ok()) return Error{Errc::invalid, "amqp.url: " + address.error().detail};
  auto password = read_secret("amqp.password_file", settings.amqp_password_file);
  if (!password.ok()) return password.error();
  if (password.value().empty()) password = Secret("guest");
  if (settings.amqp_tls_cert.empty() != settings.amqp_tls_key.empty()) {
    return Error{Errc::invalid, "amqp.tls_cert, amqp.tls_key: one is of no use without the other"};
  }
  amqp::Options broker;
  broker.address = std::move(address).value();
  broker.password = std::move(password).value();
  broker.tls_ca = settings.amqp_tls_ca;
  broker.tls_cert = settings.amqp_tls_cert;
  broker.tls_key = settings.amqp_tls_key;
  return std::optional(std::move(broker));
}

TlsFiles http_files(const Settings& settings) {
  return {.certificate = settings.http_tls_cert,
          .key = settings.http_tls_key,
          .client_authority = {},
          .certificate_name = "http.tls_cert",
          .key_name = "http.tls_key"};
}

TlsFiles rpc_files(const Settings& settings) {
  return {.certificate = settings.rpc_tls_cert,
          .key = settings.rpc_tls_key,
          .client_authority = settings.rpc_tls_client_ca,
          .certificate_name = "rpc.tls_cert",
          .key_name = "rpc.tls_key",
          .client_authority_name = "rpc.tls_client_ca"};
}

// Why a file cannot be read; empty: it can.
std::string unreadable(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::generic_category().message(errno);
  struct stat info {};
  const bool regular = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
  close(descriptor);
  return regular ? "" : "it is no file";
}

class Checker {
 public:
  Checker(const LoadedConfig& config, FileFindings& findings)
      : config_(config), findings_(findings) {}

  /// Whether all files of the section are there; says which are not.
  bool are_there(std::string_view section) {
    bool all = true;
    for (const Key& key : config_keys()) {
      if (!takes_path(key) || !key.name.starts_with(section)) continue;
      const std::string path = value_text(key, config_.settings);
      const std::string why = path.empty() ? "" : unreadable(path);
      if (why.empty()) continue;
      all = false;
      refuse(fmt::format("{} {}: cannot be read: {}", key.name, path, why));
    }
    return all;
  }

  /// Notes the faults of a result: a line each, which begins with a key's name.
  template <class T>
  void take(const Result<T>& result) {
    if (result.ok()) return;
    for (const std::string& fault : lines_of(result.error().detail)) refuse(fault);
  }

  void look_at_mode(const std::string& path, const std::string& where) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0 || (info.st_mode & too_open) == 0) return;
    findings_.warnings.push_back(
        fmt::format("{}: others on this machine may read or change it (mode {:04o}): chmod 600 {}",
                    where, info.st_mode & 07777U, path));
  }

  void look_at_modes() {
    for (const std::string_view name : secret_keys) {
      const std::string path = value_text(*find_key(name), config_.settings);
      if (!path.empty()) look_at_mode(path, place(fmt::format("{} {}", name, path)));
    }
  }

 private:
  // With where the key that the text begins with was set.
  std::string place(const std::string& text) const {
    for (const ShownValue& shown : config_.shown) {
      if (text.starts_with(shown.name) && shown.origin != "default") {
        return shown.origin + ": " + text;
      }
    }
    return text;
  }

  void refuse(const std::string& text) { findings_.errors.push_back(place(text)); }

  const LoadedConfig& config_;
  FileFindings& findings_;
};

void check_keys(const std::string& path, const std::string& keys, FileFindings& findings) {
  const auto note = [&findings](const std::string& where, const Result<KeyRing>& ring) {
    if (!ring.ok()) findings.errors.push_back(where + ": " + ring.error().detail);
  };
  if (!keys.empty()) return note(std::string("environment ") + keys_variable, KeyRing::parse(keys));
  const auto text = read_file(path);
  if (text.ok()) return note(path, KeyRing::parse(text.value()));
  // The first start makes it.
  if (text.error().code != Errc::not_found) findings.errors.push_back(text.error().detail);
}

}  // namespace

Result<SecretFiles> read_secret_files(const Settings& settings) {
  auto clients = read_clients(settings.auth_static_clients);
  if (!clients.ok()) return clients.error();
  auto secret = read_websocktunnel_secret(settings.auth_websocktunnel_secret);
  if (!secret.ok()) return secret.error();
  auto broker = read_broker(settings);
  if (!broker.ok()) return broker.error();
  return SecretFiles{std::move(clients).value(), std::move(secret).value(),
                     std::move(broker).value()};
}

Result<ServerTls> read_tls(const Settings& settings, Instant now) {
  auto http = read_tls_files(http_files(settings), now);
  if (!http) return std::move(http).error();
  auto rpc = read_tls_files(rpc_files(settings), now);
  if (!rpc) return std::move(rpc).error();
  return ServerTls{std::move(http).value(), std::move(rpc).value()};
}

FileFindings check_named_files(const LoadedConfig& config,
                               const std::string& data_dir,
                               const std::string& keys,
                               Instant now) {
  const Settings& settings = config.settings;
  FileFindings findings;
  Checker checker(config, findings);
  if (checker.are_there("http.")) checker.take(read_tls_files(http_files(settings), now));
  if (checker.are_there("rpc.")) checker.take(read_tls_files(rpc_files(settings), now));
  if (checker.are_there("amqp.")) checker.take(read_broker(config.settings));
  if (checker.are_there("auth.static_clients")) {
    checker.take(read_clients(settings.auth_static_clients));
  }
  if (checker.are_there("auth.websocktunnel_secret")) {
    checker.take(read_websocktunnel_secret(settings.auth_websocktunnel_secret));
  }
  checker.look_at_modes();
  check_keys(data_dir + "/keys.json", keys, findings);
  for (const char* name : {"/keys.json", "/credentials.json"}) {
    checker.look_at_mode(data_dir + name, data_dir + name);
  }
  return findings;
}

}  // namespace troupe::server
