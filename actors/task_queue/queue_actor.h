// The kind `task_queue`: one durable actor for each queue, keyed by `provisionerId/workerType`.
#pragma once

#include "actors/task_queue/state.h"
#include "runtime/actor/durable_actor.h"

namespace troupe::task_queue {

Kind kind(const QueueConfig& config);

/// What one message does: changes `state` and returns what else lands. The state is too large to
/// copy for each message. An Error has changed nothing; after an exception the state is void, but
/// for who waits, which `Waiters::undo` brings back. The effects lack the queue's own row, which
/// follows `state`. Source: spec/queue.md, sections 6, 7, 10 and 11.
Result<Effects> handle(QueueState& state,
                       const Message& message,
                       const QueueConfig& config,
                       const Context& context);

}  // namespace troupe::task_queue
