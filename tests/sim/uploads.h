// Artifacts whose bytes come later: created by workers, stored and finished by whoever sends the
// bytes; too early, twice, and under uploads that are not theirs.
//
// Promised: what was accepted is on disk. A finished artifact has bytes that were sent under its
// upload, and keeps them; nobody finishes another's upload.
#pragma once

#include "tests/sim/speaker.h"

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace troupe::sim {

class Uploads {
 public:
  /// A worker's next artifact of this sort: command and upload are filled in.
  static Command create(Speaker& world, Command put);
  /// Sends bytes, or says that they are complete.
  void act(Speaker& world);
  /// A command of a task was accepted, or refused. Of other verbs it is ignored.
  void answered(Speaker& world, const Command& command, bool accepted, Host& host);
  /// All finished ones are what they were.
  void at_rest(Speaker& world, Host& host);

 private:
  struct Upload {
    std::string task;
    std::uint32_t run = 0;
    std::string name;
    std::string id;
    std::set<std::string> sent;  // SHA-256s
    bool finish_sent = false;    // under its own id
    std::string finished;        // the SHA-256 that it has for good
  };

  Upload* find(const Command& command);
  void check(Speaker& world, Upload& upload, const Command* accepted, Host& host);

  std::vector<Upload> uploads_;
};

}  // namespace troupe::sim
