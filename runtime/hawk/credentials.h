// What a client's credentials come to, with the restrictions that their holder has put on them.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/secret.h"
#include "runtime/base/time.h"
#include "runtime/hawk/realm.h"

#include <string_view>

namespace troupe::hawk {

/// Who proves to know the key may do this.
struct KnownCredentials {
  Secret key;  // of temporary credentials the derived one
  HeldScopes scopes;
  Instant expires;
  bool is_temporary = false;
};

/// Loads the client behind `client_id` and applies the restrictions of `ext`, if it is not empty.
///
/// Errors: `unauthenticated` with the text for a 401; the first fault in the documented order.
Result<KnownCredentials> find_credentials(std::string_view client_id,
                                          std::string_view ext,
                                          const Realm& realm,
                                          Instant now);

}  // namespace troupe::hawk
