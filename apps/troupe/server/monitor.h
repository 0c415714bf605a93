// The methods that every service has: whether it is there, and which version.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/api/monitoring.capnp.h"

namespace troupe::server {

/// A part of each service's class. Borrows `site`.
class Monitor : public virtual schema::Monitoring::Server {
 public:
  explicit Monitor(Site& site) : site_(site) {}

  kj::Promise<void> ping(PingContext context) override;
  kj::Promise<void> lbheartbeat(LbheartbeatContext context) override;
  kj::Promise<void> version(VersionContext context) override;
  kj::Promise<void> heartbeat(HeartbeatContext context) override;

 private:
  Site& site_;
};

}  // namespace troupe::server
