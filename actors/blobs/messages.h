// What tasks and objects say of the blobs that their rows name: in the transaction that puts the
// row, or takes it away.
#pragma once

#include "runtime/actor/effects.h"

#include <cstdint>
#include <string>

namespace troupe::blobs {

/// An artifact or object whose row names a blob.
struct User {
  std::string sha256;   // 32 bytes
  std::string task_id;  // of an artifact; empty: an object
  std::uint32_t run = 0;
  std::string name;
};

/// The collector of a blob. Requires 32 bytes.
ActorId collector_of(const std::string& sha256);

Send reference(const User& user);
Send unreference(const User& user);

/// The key of the row that says so.
std::string reference_key(const User& user);

}  // namespace troupe::blobs
