#include "apps/troupe/server/listening.h"

#include "apps/troupe/server/addresses.h"

#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>
#include <utility>

namespace troupe::server {
namespace {

constexpr const char* default_http = "127.0.0.1:7420";
constexpr const char* default_rpc = "127.0.0.1:7421";

Status check_http(const Addresses& addresses) {
  const auto http = parse_host_port(addresses.http);
  if (!http) return http.error();
  if (is_loopback(http.value()) || !addresses.exposure.empty()) return Done{};
  return Error{Errc::invalid,
               fmt::format("HTTP on {} can be reached from other machines: say --public (anybody "
                           "may read) or --private, or listen on 127.0.0.1",
                           addresses.http)};
}

// Tokens do not travel over RPC, but all else does.
Status check_rpc(const std::string& address, bool tls) {
  if (unix_path(address)) return Done{};
  const auto tcp = parse_host_port(address);
  if (!tcp) return tcp.error();
  if (tls || is_loopback(tcp.value())) return Done{};
  return Error{Errc::invalid,
               fmt::format("RPC on {} can be reached from other machines and needs TLS: set "
                           "rpc.tls_cert and rpc.tls_key, or listen on 127.0.0.1 and reach it "
                           "through a tunnel (ssh -L)",
                           address)};
}

Result<std::string> checked_root_url(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const bool valid = url.starts_with("https://") || url.starts_with("http://");
  if (url.empty() || (valid && url.find_first_of(" \t") == std::string::npos)) return url;
  return Error{Errc::invalid, fmt::format("--root-url {}: write https://HOST, as browsers and "
                                          "clients reach this server",
                                          url)};
}

// Relative to where the command was given, as every path on a command line.
std::string absolute_address(const std::string& address) {
  const auto path = unix_path(address);
  if (!path) return address;
  std::error_code error;
  return "unix:" + std::filesystem::absolute(*path, error).lexically_normal().string();
}

Status check_plan(const ListenPlan& plan, bool rpc_tls) {
  auto http = check_http(plan.addresses);
  if (!http) return http;
  for (const std::string& address : plan.addresses.rpc) {
    auto rpc = check_rpc(address, rpc_tls);
    if (!rpc) return rpc;
    if (address == plan.addresses.http && !address.ends_with(":0")) {
      return Error{Errc::invalid, address + " is asked for twice: HTTP and RPC need a port each"};
    }
  }
  return Done{};
}

}  // namespace

std::vector<std::string> ListenPlan::rpc() const {
  std::vector<std::string> all = {socket};
  for (const std::string& address : addresses.rpc) {
    if (address != socket) all.push_back(address);
  }
  return all;
}

Result<ListenPlan> plan_listening(const ListenRequest& request,
                                  const std::optional<Addresses>& last,
                                  const std::string& data_dir) {
  ListenPlan plan{.addresses = last.value_or(Addresses{
                      .http = default_http, .rpc = {default_rpc}, .root_url = {}, .exposure = {}}),
                  .socket = {}};
  Addresses& addresses = plan.addresses;
  if (!request.http.empty()) addresses.http = request.http;
  if (!request.exposure.empty()) addresses.exposure = request.exposure;
  if (!request.rpc.empty()) {
    addresses.rpc.clear();
    for (const std::string& address : request.rpc) {
      addresses.rpc.push_back(absolute_address(address));
    }
  }
  if (!request.root_url.empty()) {
    auto url = checked_root_url(request.root_url);
    if (!url) return std::move(url).error();
    addresses.root_url = std::move(url).value();
  }
  auto checked = check_plan(plan, request.rpc_tls);
  if (!checked) return std::move(checked).error();
  auto socket = socket_address(data_dir);
  if (!socket) return std::move(socket).error();
  plan.socket = std::move(socket).value();
  return plan;
}

Status check_listening(const ListenPlan& plan) {
  std::vector<std::string> all = plan.rpc();
  all.push_back(plan.addresses.http);
  for (const std::string& address : all) {
    if (const auto path = unix_path(address)) {
      auto cleared = clear_stale_socket(*path);
      if (!cleared) return cleared;
      continue;
    }
    const auto tcp = parse_host_port(address);
    if (!tcp) return tcp.error();
    auto free = check_free(tcp.value());
    if (!free) return free;
  }
  return Done{};
}

void remove_sockets(const ListenPlan& plan) {
  for (const std::string& address : plan.rpc()) {
    const auto path = unix_path(address);
    // One that another process has taken over since is left alone.
    if (path) static_cast<void>(clear_stale_socket(*path).ok());
  }
}

}  // namespace troupe::server
