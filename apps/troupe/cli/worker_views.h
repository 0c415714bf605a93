// Workers as people see them.
#pragma once

#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/table.h"
#include "runtime/base/time.h"
#include "schema/api/troupe.capnp.h"

#include <string>

namespace troupe::cli {

/// A list of workers, none so far.
Listing worker_listing(bool json);

/// One more for it.
void add_worker(Listing& listing, schema::WorkerSummary::Reader worker);

/// All that is known of one worker, in lines.
std::string render_worker(schema::WorkerDetails::Reader details,
                          schema::WorkerSummary::Reader summary,
                          Instant now,
                          const Layout& layout);

/// The details as the API has them, and `summary` among them as lists have it.
std::string worker_json(schema::WorkerDetails::Reader details,
                        schema::WorkerSummary::Reader summary);

}  // namespace troupe::cli
