// The bootstrap capability of every connection: nobody gets past it without proving credentials.
#pragma once

#include "runtime/base/secret.h"
#include "runtime/clock/clock.h"
#include "runtime/hawk/realm.h"
#include "schema/rpc/session.capnp.h"

#include <functional>
#include <string>
#include <string_view>

namespace troupe::server {

/// What a peer has proven: that it knows the token behind these, restrictions included.
struct SessionKey {
  std::string client_id;
  std::string ext;  // as in the Hawk header; empty: no restrictions
  Secret token;
};

/// What a gateway needs of the server; realm and clock are borrowed.
struct BehindGateway {
  const hawk::Realm& realm;
  const Clock& clock;
  std::function<schema::Session::Client(const SessionKey& key)> open_session;
  std::string peer;  // the address that the connection comes from
  /// Called each time the peer has proven who it is, before its session is opened.
  std::function<void(bool is_temporary)> on_proven;
  /// Called each time it has not; `fault` is not told to the peer.
  std::function<void(std::string_view fault)> on_refused;
};

/// One for each connection: its nonces are its own.
schema::Gateway::Client make_gateway(BehindGateway behind);

}  // namespace troupe::server
