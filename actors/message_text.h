// Messages of every kind of actor as text for people: operators look at those that went wrong.
#pragma once

#include "runtime/actor/delivery.h"

#include <capnp/schema.h>

#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Those that this program has.
std::vector<KindId> known_kinds();

/// `task`, as in log lines; `kind 77` for one that this program does not know.
std::string kind_name(KindId kind);

/// `task/dSlITZ4yQgmvxxAi4A8fHQ`; empty without a kind.
std::string actor_name(const ActorId& id);

/// What actors of a kind are told; nothing for a kind that this program does not know.
std::optional<capnp::StructSchema> message_schema(KindId kind);

/// Which message it is: `claimRun`, `timer lease`; says so if it does not decode.
std::string message_name(const Delivery& delivery);

/// Its contents, indented; says so if it does not decode.
std::string message_text(const Delivery& delivery);

}  // namespace troupe
