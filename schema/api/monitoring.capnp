@0xc4a06f2d91be7358;
# What every service has: whether it is there, and which version.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
$Cxx.namespace("troupe::schema");

struct Liveness {
  # That it answers is the answer.
  alive @0 :Bool;      # always true
  uptime @1 :Float64;  # of the process, in seconds
}

struct Heartbeat {
  # Nothing: that it answers is the answer.
}

struct Version {
  # Of the program.
  version @0 :Text;  # such as `0.1.0`
  commit @1 :Text;   # of its source; empty if unknown
  source @2 :Text;   # where the source is; empty if unknown
  build @3 :Text;    # what built it; empty if unknown
}

interface Monitoring {
  # Part of every service.
  ping @0 () -> Liveness
      $A.method((verb = get, route = "/ping", access = (public = void), category = "Monitoring",
                 title = "Ping Server", description = "Answers as long as the service runs."));
  # How long the process has been running.
  lbheartbeat @1 () -> Heartbeat
      $A.method((verb = get, route = "/__lbheartbeat__", access = (public = void),
                 category = "Monitoring", title = "Load Balancer Heartbeat",
                 description = "Answers as long as requests reach the service."));
  # For load balancers.
  version @2 () -> Version
      $A.method((verb = get, route = "/__version__", access = (public = void),
                 category = "Monitoring", title = "Version of the Program",
                 description = "Which version of the program answers."));
  # Which program answers.
  heartbeat @3 () -> Heartbeat
      $A.method((verb = get, route = "/__heartbeat__", access = (public = void),
                 category = "Monitoring", title = "Heartbeat",
                 description = "Answers as long as the service works."));
  # For monitors.
}
