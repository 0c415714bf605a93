// Rows of the inbox and of dead letters.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/store/store.h"

namespace troupe {

/// The row of a message that waits in an inbox.
Bytes encode_envelope(const ActorId& from,
                      const ActorId& to,
                      std::uint32_t attempts,
                      const Bytes& body);

/// The row of a delivery that goes on waiting: `attempts` as it says, a timer's included.
Bytes encode_envelope(const Delivery& delivery);

/// The row of a message that no handler could process.
Bytes encode_dead_letter(const Delivery& delivery, const std::string& error, Instant now);

/// Requires a row that `encode_envelope` or `encode_dead_letter` made.
Delivery decode_envelope(std::uint64_t number, WordSpan row);

/// The key of the name table.
std::string name_key(const ActorId& id);

/// The actor's number on disk; 0 if it has no rows.
std::uint64_t find_actor_number(const Snapshot& snapshot, const ActorId& id);

}  // namespace troupe
