// The kind `client`: one durable actor for each client, keyed by its id.
#pragma once

#include "actors/auth/client_state.h"
#include "runtime/actor/durable_actor.h"

namespace troupe::auth {

Kind client_kind();

/// A ClientRow: what is stored, and what commands answer.
Bytes encode_client(const ClientState& state);
/// A row with a pool and no scopes, as older versions wrote it, has the scopes of a worker of it.
ClientState decode_client(WordSpan row);

struct ClientTransition {
  ClientState next;  // does not exist: the actor is gone
  Effects effects;
};

/// Pure: what one message (schema::ClientMessage) or timer does.
///
/// Errors of commands: `invalid` a static client, a scope that ends with two stars; `not_found`
/// "Client not found"; `conflict` "Client already exists"; `stale` an update of another version.
Result<ClientTransition> transition(const ClientState& state,
                                    const Message& message,
                                    const Context& context);

}  // namespace troupe::auth
