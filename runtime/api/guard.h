// The face for Cap'n Proto RPC: a service whose every call is checked first.
#pragma once

#include "runtime/api/call_report.h"
#include "runtime/clock/clock.h"

#include <memory>
#include <string>

namespace troupe::api {

/// What a service needs to be served over RPC to one caller. `service` and `clock` outlive what is
/// made of it.
struct RpcFace {
  const Service& service;
  Serve serve;
  std::shared_ptr<Caller> caller;
  std::string peer;  // the address that the caller's connection comes from
  Report report;
  const Clock& clock;
};

/// A capability of the service. Each call is authorised and its parameters checked, then an object
/// that `serve` makes answers it. A method that there is not is refused as `invalid`.
capnp::Capability::Client make_guarded(RpcFace face);

}  // namespace troupe::api
