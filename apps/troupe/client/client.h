// A program's connection to the platform: find it, prove who we are, keep the session.
// Used by the command line and by workers; everything runs on the caller's KJ event loop.
#pragma once

#include "runtime/base/result.h"
#include "schema/rpc/session.capnp.h"

#include <kj/async-io.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::client {

/// Where the platform listens and who we are there.
struct Target {
  std::string rpc;       // `host:port` or `unix:PATH`, or several with commas between
  std::string root_url;  // of the HTTP side; may be empty
  std::string client_id;
  std::string access_token;
  std::string found_in;      // where the credentials came from, for messages
  std::string address_from;  // where the address came from; empty: from the same place
  std::string platform;      // names it from one start to the next, see `platform_of`

  // TLS, of all addresses but sockets. `ca`: whose certificates of the server are trusted (PEM), or
  // `system`; empty: none. The next two prove who we are to a server that asks (PEM).
  std::string ca = {};
  std::string client_cert = {};
  std::string client_key = {};
  std::string server_name = {};  // in the server's certificate; empty: the host of the address

  std::string certificate = {};  // of temporary credentials (JSON); empty: they are permanent
};

/// What stays the same of a platform: the data directory whose socket it listens on, else its root
/// URL, else its addresses.
std::string platform_of(const Target& target);

/// What the caller was told on the command line; empty texts were not given.
struct FindOptions {
  std::string data_dir;
  std::string rpc;
  std::string root_url;
  std::string rpc_flag = "--rpc";  // the flag that gave `rpc`, for messages
};

/// What surrounds the process, as far as finding the platform depends on it.
struct Environment {
  std::map<std::string, std::string> variables;  // those that `find_target` reads
  std::string working_dir;
  std::string config_dir;  // `~/.config/troupe`; empty: there is no home
  std::string system_dir;  // `/var/lib/troupe`

  static Environment of_process();
};

/// The platform to talk to, by the order of the documentation: flags, environment, `./troupe-data`
/// here or in a parent folder, the login file, `/var/lib/troupe`.
///
/// Errors: `not_found` if none of them names one, the text says what was looked for;
/// `unauthenticated` if an address is given for which there are no credentials: those of a file go
/// only to the addresses that the file names; else as `read_credentials`.
Result<Target> find_target(const FindOptions& options);
Result<Target> find_target(const FindOptions& options, const Environment& environment);

/// Reads a credentials file (`credentials.json` or a worker token).
/// Errors: `not_found` there is none; `forbidden` we may not read it; `invalid` it is malformed.
Result<Target> read_credentials(const std::string& path);

/// The single addresses of `Target::rpc`: unix sockets first, else in the order given.
std::vector<std::string> addresses_of(std::string_view rpc);

/// Proof of the token for one nonce, as `Gateway.authenticate` wants it (32 bytes). `ext`: the
/// restrictions of the credentials; empty: none.
std::string authentication_mac(std::string_view access_token,
                               std::string_view nonce,
                               std::string_view client_id,
                               std::string_view ext = {});

/// One authenticated connection.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual schema::Queue::Client queue() = 0;
  virtual schema::Troupe::Client troupe() = 0;
  virtual schema::WorkerService::Client workers() = 0;
  virtual schema::Auth::Client auth() = 0;
  virtual schema::Object::Client object() = 0;
  /// Ends when the connection is lost.
  virtual kj::Promise<void> on_disconnect() = 0;
};

/// For an address to accept a connection, and to encrypt it: then the next is tried.
constexpr int connect_seconds_max = 5;
/// For the server to let us in: one that is flooded takes its time.
constexpr int handshake_seconds_max = 20;

/// Connects and authenticates; a unix socket is preferred where `target.rpc` names both. `io` is
/// borrowed until the promise has ended.
///
/// Rejects with a kj::Exception whose text `error_from` reads: DISCONNECTED (`Unavailable: ...`) if
/// nobody answers or the peer hangs up, FAILED with `AuthenticationFailed: ...` if the credentials
/// are refused, with `RequestConflict: ...` if the peer speaks another version of the protocol.
kj::Promise<std::unique_ptr<Connection>> connect(kj::AsyncIoProvider& io, const Target& target);

}  // namespace troupe::client
