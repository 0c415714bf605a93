// The messages that auth publishes. Source: spec/auth.md, section 15.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/api/exchanges.h"

#include <string>

namespace troupe::auth {

/// `name`: `client-created`, `client-updated` or `client-deleted`.
Event client_event(const char* name, const std::string& client_id);
/// `name`: `role-created`, `role-updated` or `role-deleted`.
Event role_event(const char* name, const std::string& role_id);

/// All of them, for the references.
api::ServiceExchanges exchanges();

}  // namespace troupe::auth
