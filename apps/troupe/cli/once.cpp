#include "apps/troupe/cli/once.h"

#include "runtime/base/random.h"

namespace troupe::cli {

kj::Promise<capnp::Response<schema::TaskStatusResponse>> rerun_task(Reconnector& server,
                                                                    const std::string& task_id) {
  return server.call([task_id, request_id = new_slugid()](client::Connection& connection) {
    auto request = connection.queue().rerunTaskRequest();
    request.setTaskId(task_id);
    request.setRequestId(request_id);
    return kj::Promise<capnp::Response<schema::TaskStatusResponse>>(request.send());
  });
}

kj::Promise<capnp::Response<schema::Troupe::CreateWorkerTokenResults>> create_worker_token(
    Reconnector& server, const std::string& pool, std::int64_t expires) {
  return server.call([pool, expires, request_id = new_slugid()](client::Connection& connection) {
    auto request = connection.troupe().createWorkerTokenRequest();
    request.setPool(pool);
    request.setExpires(expires);
    request.setRequestId(request_id);
    return kj::Promise<capnp::Response<schema::Troupe::CreateWorkerTokenResults>>(request.send());
  });
}

}  // namespace troupe::cli
