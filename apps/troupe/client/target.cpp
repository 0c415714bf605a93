// Which platform a command talks to, and as whom.
//
// Two questions, an address and credentials, and sources in a fixed order. The first source that
// says anything decides; the rule that never bends is that the credentials of a file go only to
// the addresses which that file names.
#include "apps/troupe/client/address.h"
#include "apps/troupe/client/client.h"
#include "apps/troupe/client/text_file.h"
#include "apps/troupe/client/trust.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace troupe::client {
namespace {

namespace fs = std::filesystem;

// What one source says: the flags, or the environment. Empty texts are not said.
struct Wish {
  FindOptions says;
  std::string data_name;  // `--data` or `TROUPE_DATA`, for messages
  std::string rpc_name;
  std::string root_url_name;
};

constexpr const char* variable_names[] = {"TROUPE_DATA",
                                          "TROUPE_RPC",
                                          ca_variable,
                                          "TASKCLUSTER_ROOT_URL",
                                          "TASKCLUSTER_CLIENT_ID",
                                          "TASKCLUSTER_ACCESS_TOKEN",
                                          "TASKCLUSTER_CERTIFICATE"};

std::string process_variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value == nullptr ? std::string() : std::string(value);
}

std::string variable(const Environment& environment, const char* name) {
  const auto found = environment.variables.find(name);
  return found == environment.variables.end() ? std::string() : found->second;
}

bool says_anything(const FindOptions& says) {
  return !says.data_dir.empty() || !says.rpc.empty() || !says.root_url.empty();
}

Wish wish_of(const FindOptions& flags, const Environment& environment) {
  if (says_anything(flags)) return {flags, "--data", flags.rpc_flag, "--root-url"};
  FindOptions says{.data_dir = variable(environment, "TROUPE_DATA"),
                   .rpc = variable(environment, "TROUPE_RPC"),
                   .root_url = variable(environment, "TASKCLUSTER_ROOT_URL")};
  // Inside a task the root URL is set for Taskcluster's tools; our own variables are more exact.
  if (!says.data_dir.empty() || !says.rpc.empty()) says.root_url.clear();
  return {says, "TROUPE_DATA", "TROUPE_RPC", "TASKCLUSTER_ROOT_URL"};
}

std::string absolute_path(const Environment& environment, const std::string& path) {
  return (fs::path(environment.working_dir) / path).lexically_normal().string();
}

std::string absolute_address(const Environment& environment, const std::string& address) {
  constexpr std::string_view prefix = "unix:";
  if (!address.starts_with(prefix)) return address;
  return std::string(prefix) + absolute_path(environment, address.substr(prefix.size()));
}

std::string credentials_path(const std::string& dir) {
  return (fs::path(dir) / "credentials.json").string();
}

// Files that may name a platform, the most local first; they need not exist.
std::vector<std::string> candidate_files(const Environment& environment) {
  std::vector<std::string> files;
  const std::string data_dir = variable(environment, "TROUPE_DATA");
  if (!data_dir.empty()) files.push_back(credentials_path(absolute_path(environment, data_dir)));
  for (fs::path dir = environment.working_dir; !dir.empty(); dir = dir.parent_path()) {
    files.push_back(credentials_path((dir / "troupe-data").string()));
    if (dir == dir.root_path()) break;
  }
  if (!environment.config_dir.empty()) files.push_back(credentials_path(environment.config_dir));
  if (!environment.system_dir.empty()) files.push_back(credentials_path(environment.system_dir));
  return files;
}

// Whom TROUPE_CA says to trust: the name of a file, or `system`.
Status read_trust(const Environment& environment, Target& target) {
  const std::string value = variable(environment, ca_variable);
  if (value.empty()) return Done{};
  target.ca = value;
  if (value == system_authorities) return Done{};
  Result<std::string> text = read_text_file(absolute_path(environment, value));
  if (!text.ok())
    return Error{Errc::invalid, std::string(ca_variable) + ": " + text.error().detail};
  target.ca = std::move(text).value();
  return Done{};
}

Result<std::optional<Target>> credentials_in_environment(const Environment& environment) {
  Target target;
  target.client_id = variable(environment, "TASKCLUSTER_CLIENT_ID");
  target.access_token = variable(environment, "TASKCLUSTER_ACCESS_TOKEN");
  target.certificate = variable(environment, "TASKCLUSTER_CERTIFICATE");
  if (target.client_id.empty() || target.access_token.empty()) return std::optional<Target>();
  target.found_in = environment_credentials;
  if (auto trust = read_trust(environment, target); !trust.ok()) return std::move(trust).error();
  return std::optional<Target>(std::move(target));
}

bool names_all(const Target& file, const std::vector<std::string>& addresses) {
  const std::vector<std::string> known = addresses_of(file.rpc);
  return std::all_of(addresses.begin(), addresses.end(), [&known](const std::string& address) {
    return std::find(known.begin(), known.end(), address) != known.end();
  });
}

Error nothing_found(const std::string& what, const std::vector<std::string>& looked) {
  std::string detail = what + " (looked for";
  for (std::size_t i = 0; i < looked.size(); ++i) detail += (i == 0 ? " " : ", ") + looked[i];
  return Error{Errc::not_found, detail + ")"};
}

// The first candidate that `wanted` accepts; those that do not exist are passed over.
template <class Predicate>
Result<std::optional<Target>> first_file(const std::vector<std::string>& files, Predicate wanted) {
  for (const std::string& file : files) {
    Result<Target> target = read_credentials(file);
    if (!target.ok() && target.error().code == Errc::not_found) continue;
    if (!target.ok()) return std::move(target).error();
    if (wanted(target.value())) return std::optional<Target>(std::move(target).value());
  }
  return std::optional<Target>();
}

Result<Target> target_of_data_dir(const Wish& wish, const Environment& environment) {
  const std::string path = credentials_path(absolute_path(environment, wish.says.data_dir));
  Result<Target> file = read_credentials(path);
  if (!file.ok() && file.error().code == Errc::not_found) {
    return Error{Errc::not_found, wish.data_name + ": there is no " + path +
                                      ": start a platform there with `troupe "
                                      "up --data " +
                                      wish.says.data_dir + "`, or name another folder"};
  }
  if (!file.ok()) return file;
  const std::string& root_url = wish.says.root_url;
  if (!root_url.empty() && root_url != file.value().root_url) {
    return Error{Errc::invalid, wish.root_url_name + ": " + path + " is for " +
                                    file.value().root_url + ", not " + root_url +
                                    ": leave one of the two out"};
  }
  return file;
}

// An address was given: whose credentials may go there?
Result<Target> target_of_rpc(const Wish& wish, const Environment& environment) {
  std::vector<std::string> addresses = addresses_of(wish.says.rpc);
  for (std::string& address : addresses) address = absolute_address(environment, address);
  if (addresses.empty()) return Error{Errc::invalid, wish.rpc_name + ": no address in the value"};
  for (const std::string& address : addresses) {
    if (auto good = check_address(address, wish.rpc_name); !good.ok()) return good.error();
  }

  std::vector<std::string> files = candidate_files(environment);
  if (!wish.says.data_dir.empty()) {
    files = {credentials_path(absolute_path(environment, wish.says.data_dir))};
  }
  const auto names = [&addresses](const Target& file) { return names_all(file, addresses); };
  Result<std::optional<Target>> own = credentials_in_environment(environment);
  if (!own.ok()) return std::move(own).error();
  std::optional<Target> target;
  if (wish.says.data_dir.empty()) target = own.value();
  if (!target) {
    Result<std::optional<Target>> file = first_file(files, names);
    if (!file.ok()) return std::move(file).error();
    target = std::move(file).value();
  }
  if (!target) target = std::move(own).value();
  if (!target) {
    Error error = nothing_found("no credentials for " + wish.says.rpc +
                                    ": those of a file go only "
                                    "to the addresses it names; set TASKCLUSTER_CLIENT_ID and "
                                    "TASKCLUSTER_ACCESS_TOKEN, and for temporary credentials "
                                    "TASKCLUSTER_CERTIFICATE",
                                files);
    error.code = Errc::unauthenticated;
    return error;
  }
  target->rpc.clear();
  for (const std::string& address : addresses) {
    target->rpc += (target->rpc.empty() ? "" : ",") + address;
  }
  if (target->platform.empty()) target->platform = platform_of(*target);
  target->address_from = wish.rpc_name;
  return std::move(*target);
}

Result<Target> with_environment_credentials(Target target, const Environment& environment) {
  Result<std::optional<Target>> found = credentials_in_environment(environment);
  if (!found.ok()) return std::move(found).error();
  if (const std::optional<Target>& own = found.value()) {
    // Whom to trust may well be what the file says: a certificate is no secret.
    if (!own->ca.empty()) target.ca = own->ca;
    target.client_id = own->client_id;
    target.access_token = own->access_token;
    target.certificate = own->certificate;
    target.address_from = std::exchange(target.found_in, own->found_in);
  }
  return target;
}

}  // namespace

Environment Environment::of_process() {
  Environment environment;
  for (const char* name : variable_names) environment.variables[name] = process_variable(name);
  std::error_code error;
  environment.working_dir = fs::current_path(error).string();
  const std::string config = process_variable("XDG_CONFIG_HOME");
  const std::string home = process_variable("HOME");
  if (!config.empty()) {
    environment.config_dir = config + "/troupe";
  } else if (!home.empty()) {
    environment.config_dir = home + "/.config/troupe";
  }
  environment.system_dir = "/var/lib/troupe";
  return environment;
}

std::string platform_of(const Target& target) {
  constexpr std::string_view prefix = "unix:";
  constexpr std::string_view socket = "/rpc.sock";
  for (const std::string& address : addresses_of(target.rpc)) {
    if (!address.starts_with(prefix) || !address.ends_with(socket)) continue;
    return address.substr(prefix.size(), address.size() - prefix.size() - socket.size());
  }
  return target.root_url.empty() ? target.rpc : target.root_url;
}

std::vector<std::string> addresses_of(std::string_view rpc) {
  std::vector<std::string> addresses;
  while (!rpc.empty()) {
    const std::size_t comma = std::min(rpc.find(','), rpc.size());
    std::string_view one = rpc.substr(0, comma);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (!one.empty()) addresses.emplace_back(one);
    rpc.remove_prefix(std::min(comma + 1, rpc.size()));
  }
  std::stable_partition(addresses.begin(), addresses.end(),
                        [](const std::string& address) { return address.starts_with("unix:"); });
  return addresses;
}

Result<Target> find_target(const FindOptions& options) {
  return find_target(options, Environment::of_process());
}

Result<Target> find_target(const FindOptions& options, const Environment& environment) {
  const Wish wish = wish_of(options, environment);
  if (!wish.says.rpc.empty()) return target_of_rpc(wish, environment);
  if (!wish.says.data_dir.empty()) return target_of_data_dir(wish, environment);

  const std::string& root_url = wish.says.root_url;
  const std::vector<std::string> files = candidate_files(environment);
  Result<std::optional<Target>> file = first_file(files, [&root_url](const Target& target) {
    return root_url.empty() || target.root_url == root_url;
  });
  if (!file.ok()) return std::move(file).error();
  if (file.value()) return with_environment_credentials(*std::move(file).value(), environment);
  if (!root_url.empty()) {
    return nothing_found("no RPC address is known for " + wish.root_url_name + " " + root_url +
                             ": give it with --rpc or TROUPE_RPC, or name the data folder with "
                             "--data",
                         files);
  }
  return nothing_found(
      "no platform found: start one here with `troupe up`, or name one with --data DIR or --rpc "
      "ADDR",
      files);
}

}  // namespace troupe::client
