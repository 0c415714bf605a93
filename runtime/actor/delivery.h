// A message on its way to a durable actor.
#pragma once

#include "runtime/actor/credits.h"
#include "runtime/actor/durable_actor.h"

#include <cstdint>

namespace troupe {

struct Delivery {
  ActorId to;
  Message message;
  std::uint64_t number = 0;    // fresh; of an actor's message also its place in the inbox
  std::uint32_t attempts = 0;  // earlier tries that threw
  Credit credit;               // of the root message that this one comes from
  bool in_inbox = false;       // a row to delete: always so for an actor's message
};

}  // namespace troupe
