// The kind `client`: one durable actor for each client that may connect, keyed by its id. So far
// these are workers' tokens: each is good for claiming from one pool.
#pragma once

#include "runtime/actor/durable_actor.h"
#include "runtime/base/time.h"
#include "runtime/store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace troupe::auth {

struct ClientState {
  bool exists = false;
  std::string client_id;
  std::string pool;          // the queue it may claim from
  std::string access_token;  // encrypted
  Instant created;
  Instant expires;
  bool revoked = false;
};

Kind kind();

struct Transition {
  ClientState next;
  Effects effects;
};

/// Pure: what one message does.
Result<Transition> transition(const ClientState& state,
                              const Message& message,
                              const Context& context);

/// From a snapshot.
std::optional<ClientState> find_client(const Snapshot& snapshot, const std::string& client_id);
std::vector<ClientState> list_clients(const Snapshot& snapshot);

}  // namespace troupe::auth
