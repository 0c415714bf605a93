// The kind `task_group`: one durable actor for each group, keyed by its id.
#pragma once

#include "actors/task_group/state.h"
#include "runtime/actor/durable_actor.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/store/messages.capnp.h"

namespace troupe::task_group {

Kind kind(const GroupConfig& config);

Bytes encode_row(const GroupState& state);
GroupState decode_row(WordSpan row);
void fill_group(const GroupState& state, schema::TaskGroup::Builder group);

struct Transition {
  GroupState next;
  Effects effects;
};

/// Pure: what one message does. Source: spec/queue.md, section 5.
Result<Transition> transition(const GroupState& state,
                              const Message& message,
                              const GroupConfig& config,
                              const Context& context);

}  // namespace troupe::task_group
