// One client: who may call, with which scopes and for how long. Source: spec/auth.md, sections 1, 3
// and 11.
//
// Invariants:
//   C1  the timer `expire` is set if and only if the client goes away by itself
//       (`delete_on_expiration`), for `expiry_due`;
//   C2  no two rows of one client id ever have the same version, one that was deleted and made anew
//       included: what is remembered of a version stays true;
//   C3  no scope ends with two stars: holding `x**` would allow to hand on `x*`;
//   C4  a worker token that is disabled stays so until it is deleted: revoking is for ever.
#pragma once

#include "runtime/base/time.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::auth {

struct ClientState {
  bool exists = false;
  std::string client_id;
  std::string pool;          // of a worker token of old: the queue it may claim from
  std::string access_token;  // encrypted
  std::string description;
  std::vector<std::string> scopes;  // not expanded, in the order given
  Instant created;
  Instant expires;
  bool delete_on_expiration = false;
  bool disabled = false;
  Instant last_modified;
  Instant last_rotated;
  Instant last_date_used;
  std::uint64_t version = 0;
  bool operator==(const ClientState&) const = default;
};

/// For so long the same `create` again is answered again: its caller has lost the answer.
inline constexpr Duration create_repeats{15 * 60 * 1000};
/// `last_date_used` is written again once it is this old: uses are many, writes are not.
inline constexpr Duration touch_least{6 * 60 * 60 * 1000};

inline constexpr const char* expire_timer = "expire";

/// When a client that goes away by itself does so. Not before a repeat of its creation could come,
/// so that a client made with a date in the past is there for whoever made it.
inline Instant expiry_due(const ClientState& client) {
  return std::max(client.expires, client.last_modified + create_repeats);
}

}  // namespace troupe::auth
