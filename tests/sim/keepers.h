// Simulated people who look after workers: they declare some, put some in quarantine and lift it.
//
// Promised: a worker that was declared has a record until then, and some time longer.
#pragma once

#include "tests/sim/speaker.h"

#include <map>
#include <string>

namespace troupe::sim {

class Keepers {
 public:
  /// One of them says something.
  void act(Speaker& world);
  /// A command was answered. Of other verbs it is ignored.
  void answered(Speaker& world, const Command& command, const Result<Bytes>& answer, Host& host);
  /// A worker's record goes.
  void removed(Speaker& world, const std::string& worker);

 private:
  std::map<std::string, Instant> declared_;  // by worker: until when, the latest
};

}  // namespace troupe::sim
