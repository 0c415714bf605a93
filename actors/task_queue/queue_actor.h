// The kind `task_queue`: one durable actor for each queue, keyed by `provisionerId/workerType`.
#pragma once

#include "actors/task_queue/state.h"
#include "runtime/actor/durable_actor.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe::task_queue {

Kind kind();

Bytes encode_row(const QueueState& state);
void decode_row(WordSpan row, QueueState& state);
Entry decode_entry(std::string_view key, WordSpan row);

/// The first entries on disk and on their way there.
std::vector<Entry> read_window(const Rows& rows);

struct Transition {
  Changes changes;
  Effects effects;
};

/// Pure: what one message does. Source: spec/queue.md, sections 6, 7 and 11.
Result<Transition> transition(const QueueState& state,
                              const Message& message,
                              const Context& context);

}  // namespace troupe::task_queue
