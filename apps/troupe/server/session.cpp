#include "apps/troupe/server/session.h"

#include "apps/troupe/server/caller.h"
#include "apps/troupe/server/services.h"

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

class Session final : public schema::Session::Server {
 public:
  Session(Site& site, const SessionKey& key, const std::string& peer)
      : site_(site), visitor_{make_session_caller(site, key), peer} {}

  Promise<void> queue(QueueContext context) override {
    context.getResults().setQueue(guarded("queue").castAs<schema::Queue>());
    return READY_NOW;
  }
  Promise<void> troupe(TroupeContext context) override {
    context.getResults().setTroupe(guarded("troupe").castAs<schema::Troupe>());
    return READY_NOW;
  }
  Promise<void> workers(WorkersContext context) override {
    context.getResults().setWorkers(guarded("worker").castAs<schema::WorkerService>());
    return READY_NOW;
  }
  Promise<void> auth(AuthContext context) override {
    context.getResults().setAuth(guarded("auth").castAs<schema::Auth>());
    return READY_NOW;
  }
  Promise<void> object(ObjectContext context) override {
    context.getResults().setObject(guarded("object").castAs<schema::Object>());
    return READY_NOW;
  }

 private:
  capnp::Capability::Client guarded(const char* service) {
    return guarded_service(site_, service, visitor_);
  }

  Site& site_;
  const RpcVisitor visitor_;
};

}  // namespace

schema::Session::Client make_session(Site& site, const SessionKey& key, const std::string& peer) {
  return kj::heap<Session>(site, key, peer);
}

}  // namespace troupe::server
