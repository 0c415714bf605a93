// The Claim capability: what the holder of a run may do with it, and nobody else.
#pragma once

#include "apps/troupe/server/worker_session.h"

#include <memory>

namespace troupe::server {

/// For the worker, whose calls are counted. `session` lives as long as the capability. Borrows
/// `site`.
schema::Claim::Client make_claim(Site& site,
                                 HeldClaim held,
                                 std::shared_ptr<WorkerSession> session);

/// For what a worker says of many claims in one call.
schema::Claim::Client make_uncounted_claim(Site& site,
                                           HeldClaim held,
                                           std::shared_ptr<WorkerSession> session);

/// Whether the run is still this claim's, and running.
bool is_claimed(const Site& site, const HeldClaim& held);

/// Fills an offer from what is on disk. False if the run is no longer this claim's.
bool fill_offer(Site& site,
                const HeldClaim& held,
                std::shared_ptr<WorkerSession> session,
                schema::ClaimOffer::Builder out);

}  // namespace troupe::server
