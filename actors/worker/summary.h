// A worker as lists have it.
#pragma once

#include "actors/worker/state.h"
#include "schema/api/troupe.capnp.h"

namespace troupe::worker {

void fill_summary(const WorkerState& worker, Instant now, schema::WorkerSummary::Builder out);

}  // namespace troupe::worker
