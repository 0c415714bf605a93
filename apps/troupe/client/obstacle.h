// Why a server could not be talked to, in words for people: what happened, and what to do.
#pragma once

#include "apps/troupe/client/client.h"

#include <kj/exception.h>

#include <string>

namespace troupe::client {

struct Obstacle {
  std::string what;
  std::string help;  // beyond looking at the address; may be empty
};

/// What stopped a connection to `address`, up to and with its encryption.
Obstacle dialling_obstacle(const kj::Exception& exception,
                           const std::string& address,
                           const Target& target);

/// What may be wrong where a peer hung up, or said nothing, before it had let us in.
std::string silence_help(const Target& target, bool hung_up);

/// Where it stands whom we trust, for messages.
std::string trust_place(const Target& target);

/// `host` of `host:port`, without brackets.
std::string host_of(const std::string& address);

}  // namespace troupe::client
