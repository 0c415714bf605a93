// Simulated workers without a connection: they ask for work, as over HTTP, report what they have
// done, stop waiting, repeat what they have asked, and forget answers.
#pragma once

#include "tests/sim/speaker.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sim {

class Pollers {
 public:
  void start(Speaker& world);
  /// One of them does something.
  void act(Speaker& world);
  /// All stop waiting and report. False: there is nothing to do.
  bool wind_up(Speaker& world);
  void answered(Speaker& world, const Command& command, const Result<Bytes>& answer);
  /// The platform has crashed: nobody answers what was asked.
  void crashed();

 private:
  struct Work {
    std::uint64_t token = 0;
    bool asking = false;  // an answer to its report is outstanding
  };
  struct Poller {
    int index = 0;
    std::string queue;
    std::string name;           // `group/id`
    std::uint64_t request = 0;  // the session of the one that is outstanding
    std::string request_id;     // of the latest; empty: it had none
    bool stopping = false;
    std::map<std::pair<std::string, std::uint32_t>, Work> work;  // by task and run
  };

  void ask(Speaker& world, Poller& poller);
  void stop(Speaker& world, Poller& poller);
  void report(Speaker& world, Poller& poller);
  void take_claims(Speaker& world, Poller& poller, const Command& command, const Bytes& answer);
  Command command(const Poller& poller, Verb verb, ActorId to, Bytes body);

  std::vector<Poller> pollers_;
  std::map<std::string, std::vector<test::Held>> answers_;  // by request id
};

}  // namespace troupe::sim
