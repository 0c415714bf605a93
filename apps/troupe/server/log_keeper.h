// Keeps the logs of ended runs: as artifacts, whoever ended the run.
//
// A growing log is a stream; the log of an ended run is a blob that two artifacts name. A worker's
// report makes both at once. Where the run ended otherwise (cancelled, lease over, deadline), or
// where a crash came between the steps, the keeper makes what is missing; only when the artifacts
// are on disk does the stream go. It hears of ended runs from the event log, and looks through all
// streams when it starts.
#pragma once

#include "apps/troupe/server/call.h"

namespace troupe::server {

/// Names of a log among the artifacts of its run.
inline constexpr unsigned log_artifacts = 2;

/// Fills those artifacts. `out` has room for `log_artifacts`.
void fill_log(const SealedStream& log, capnp::List<schema::ArtifactPut>::Builder out);

/// Runs for as long as the promise lives; ends never.
kj::Promise<void> keep_logs(Site& site);

}  // namespace troupe::server
