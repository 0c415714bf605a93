// Commands whose repeat would do more: each makes a request id, and keeps it over lost connections.
#pragma once

#include "apps/troupe/cli/reconnect.h"

#include <kj/async.h>

#include <string>

namespace troupe::cli {

/// Asks for another run of the task; answered anew, it is the same run. A refusal is thrown as a
/// kj::Exception.
kj::Promise<capnp::Response<schema::TaskStatusResponse>> rerun_task(Reconnector& server,
                                                                    const std::string& task_id);

/// Makes a worker's token, good for `pool`; answered anew, it is the same token. `expires`: ms
/// since 1970.
kj::Promise<capnp::Response<schema::Troupe::CreateWorkerTokenResults>> create_worker_token(
    Reconnector& server, const std::string& pool, std::int64_t expires);

}  // namespace troupe::cli
