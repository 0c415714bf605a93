// After the keys in keys.json have changed: what is stored under an old one is sealed anew, so that
// the old one can be taken away.
#pragma once

#include "apps/troupe/server/site.h"

#include <kj/async.h>

namespace troupe::server {

/// Seals the access token of each client under the current key, where it is not; one after the
/// other, beside everything else. Resolves when all that could be read are; logs how many.
kj::Promise<void> reseal_tokens(Site& site);

}  // namespace troupe::server
