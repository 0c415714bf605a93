// Addresses for RPC, as people write them.
#pragma once

#include "runtime/base/result.h"

#include <string>

namespace troupe::client {

/// Fails with `invalid` if an address is neither `host:port` nor `unix:PATH`; nothing is looked up.
/// `source`: what gave it, a flag or a variable, for the message.
Status check_address(const std::string& address, const std::string& source);

}  // namespace troupe::client
