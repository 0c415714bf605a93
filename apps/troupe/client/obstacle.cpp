#include "apps/troupe/client/obstacle.h"

#include "apps/troupe/client/trust.h"

#include <array>
#include <string_view>

namespace troupe::client {
namespace {

// What OpenSSL says of a certificate, as far as there is something to be done about it.
enum class Fault { expired, early, name, unknown_issuer, other };

Fault fault_of(std::string_view reason) {
  constexpr std::array<std::pair<std::string_view, Fault>, 8> reasons = {{
      {"has expired", Fault::expired},
      {"not yet valid", Fault::early},
      {"ostname mismatch", Fault::name},
      {"IP address mismatch", Fault::name},
      {"self-signed certificate", Fault::unknown_issuer},
      {"self signed certificate", Fault::unknown_issuer},
      {"unable to get", Fault::unknown_issuer},
      {"unable to verify", Fault::unknown_issuer},
  }};
  for (const auto& [text, fault] : reasons) {
    if (reason.find(text) != std::string_view::npos) return fault;
  }
  return Fault::other;
}

// Credentials of the environment may go with a file that names the platform.
bool has_file(const Target& target) {
  return target.found_in != environment_credentials || target.address_from.starts_with('/');
}

std::string name_help(const Target& target) {
  if (!has_file(target)) return {};
  const bool own = target.found_in == environment_credentials;
  return ", or set `serverName` in " + (own ? target.address_from : target.found_in);
}

Obstacle certificate_obstacle(const std::string& reason,
                              const std::string& address,
                              const Target& target) {
  const std::string refused = "its certificate is not trusted: ";
  switch (fault_of(reason)) {
    case Fault::expired:
      return {refused + "it has expired, or one that signed it has",
              "put a new one into the server's rpc.tls_cert and send it SIGHUP; if it is new, "
              "compare the clocks"};
    case Fault::early:
      return {refused + "it is not valid yet", "compare the clocks of both machines"};
    case Fault::name: {
      const std::string name = target.server_name.empty() ? host_of(address) : target.server_name;
      return {refused + "it does not hold the name " + name,
              "dial a name that it holds (DNS:, also for numbers)" + name_help(target)};
    }
    case Fault::unknown_issuer:
      return {
          refused + "nobody that " + trust_place(target) + " names has signed it (" + reason + ")",
          "if this is your server, put the last certificate of its rpc.tls_cert there"};
    case Fault::other: break;
  }
  return {refused + reason, "compare it with " + trust_place(target)};
}

std::string rest_after(const std::string& text, std::string_view mark, std::size_t found) {
  return text.substr(found + mark.size());
}

}  // namespace

std::string trust_place(const Target& target) {
  if (target.found_in != environment_credentials) return "`ca` in " + target.found_in;
  if (!has_file(target)) return ca_variable;
  return "`ca` in " + target.address_from + ", or " + ca_variable + ",";
}

Obstacle dialling_obstacle(const kj::Exception& exception,
                           const std::string& address,
                           const Target& target) {
  if (exception.getType() == kj::Exception::Type::OVERLOADED) {
    return {"no answer in " + std::to_string(connect_seconds_max) + " s", {}};
  }
  // kj gives the failed system call and then its reason; people need the reason.
  const std::string text(exception.getDescription().begin(), exception.getDescription().size());
  constexpr std::string_view untrusted = "certificate is not trusted; reason = ";
  if (const auto found = text.find(untrusted); found != std::string::npos) {
    return certificate_obstacle(rest_after(text, untrusted, found), address, target);
  }
  constexpr std::string_view tls = "OpenSSL error; message = ";
  if (const auto found = text.find(tls); found != std::string::npos) {
    return {"no TLS there, or none that fits: " + rest_after(text, tls, found),
            "dial its address for RPC; if that one is plain, leave out " + trust_place(target)};
  }
  constexpr std::string_view lookup = "gai_strerror(status) = ";
  if (const auto found = text.rfind(lookup); found != std::string::npos) {
    return {"host not found: " + rest_after(text, lookup, found), {}};
  }
  const std::size_t colon = text.rfind(": ");
  return {colon == std::string::npos ? text : text.substr(colon + 2), {}};
}

std::string silence_help(const Target& target, bool hung_up) {
  if (!hung_up) return "is this its address for RPC, and not the one for HTTP?";
  if (target.ca.empty()) {
    return "does it speak TLS? Then the credentials need `ca`, or the environment TROUPE_CA";
  }
  return "does it want a certificate? Then the credentials need `clientCert` and `clientKey`";
}

std::string host_of(const std::string& address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  return address.substr(0, address.rfind(':'));
}

}  // namespace troupe::client
