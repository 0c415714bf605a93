#include "apps/troupe/server/monitor.h"

namespace troupe::server {

kj::Promise<void> Monitor::ping(PingContext context) {
  context.getResults().setAlive(true);
  const auto up = site_.now() - site_.started;
  context.getResults().setUptime(static_cast<double>(up.count()) / 1000);
  return kj::READY_NOW;
}

kj::Promise<void> Monitor::lbheartbeat(LbheartbeatContext context) {
  context.initResults();
  return kj::READY_NOW;
}

kj::Promise<void> Monitor::version(VersionContext context) {
  context.getResults().setVersion(TROUPE_VERSION);
  return kj::READY_NOW;
}

kj::Promise<void> Monitor::heartbeat(HeartbeatContext context) {
  context.initResults();
  return kj::READY_NOW;
}

}  // namespace troupe::server
