// What the worker's messages share, and those about its record: how long it is kept, and whether
// the worker is in quarantine.
#pragma once

#include "actors/worker/worker_actor.h"
#include "schema/store/messages.capnp.h"

namespace troupe::worker {

using M = schema::WorkerMessage;

inline void answer_nothing(Transition& t, ReplyTo to) {
  if (to) t.effects.replies.push_back({to, Bytes{}, false});
}

/// The worker is at work: its record is kept for another day.
void seen(Transition& t, Instant now);

/// Sets when the record of a worker that is not connected is next looked at.
void set_record_timer(Transition& t, const WorkerConfig& config, Instant now);

/// Names the worker after its actor, when its first row is written.
void begin_row(Transition& t, const WorkerConfig& config, const Context& context);

// -- one for each message

Result<Transition> on_seen(const WorkerState& s, const Message& message, const Context& context);
Result<Transition> on_declare(const WorkerState& s,
                              Instant expires,
                              const Message& message,
                              const Context& context);
Result<Transition> on_quarantine(const WorkerState& s,
                                 schema::QuarantineChange::Reader change,
                                 const Message& message,
                                 const Context& context);
Result<Transition> on_quarantine_answer(const WorkerState& s, std::uint64_t question);
Result<Transition> on_record_due(const WorkerState& s,
                                 const WorkerConfig& config,
                                 const Context& context);

}  // namespace troupe::worker
