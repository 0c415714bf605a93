// The kind `worker`: one durable actor for each worker, keyed by queue, group and id.
#pragma once

#include "actors/worker/state.h"
#include "runtime/actor/durable_actor.h"
#include "schema/rpc/worker.capnp.h"

#include <vector>

namespace troupe::worker {

Kind kind(const WorkerConfig& config);

Bytes encode_row(const WorkerState& state);
/// The worker's own row; its claims are rows of their own.
WorkerState decode_row(WordSpan row);
void read_claims(const Rows& rows, WorkerState& state);
/// Takes the claim of one such row into the state.
void note_claim(WordSpan row, WorkerState& state);
std::vector<Resource> read_resources(capnp::List<schema::Resource>::Reader list);

struct Transition {
  WorkerState next;
  Effects effects;
};

/// Pure: what one message does.
Result<Transition> transition(const WorkerState& state,
                              const Message& message,
                              const WorkerConfig& config,
                              const Context& context);

}  // namespace troupe::worker
