// Simulated workers: they connect, wait, claim, reclaim and resolve as the real ones do, and
// vanish, die, come back late and lie as the real ones may.
#pragma once

#include "tests/sim/speaker.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sim {

/// One worker, whatever process it is at the moment.
struct SimWorker {
  int index = 0;
  std::string queue;
  std::string name;  // `group/id`
  int capacity = 1;
  std::uint64_t process = 0;
  bool stopped = false;  // said goodbye

  // The connection; none without a session.
  std::uint64_t session = 0;
  bool connected = false;  // the platform has said so
  WireId wire = 0;
  int waiting = 0;  // slots that were offered and have not become claims
  int asking = 0;   // answers to `await` that are outstanding

  struct Work {
    std::uint64_t token = 0;
    std::optional<test::Report> report;  // decided: said again until it is answered
    bool asking = false;                 // an answer is outstanding
    bool neglected = false;              // it hangs: neither reclaimed nor reported
  };
  std::map<std::pair<std::string, std::uint32_t>, Work> work;  // by task and run

  std::string key() const { return queue + "/" + name; }
};

class Workers {
 public:
  void start(Speaker& world);
  /// One of them does something.
  void act(Speaker& world);
  /// All go on with their work. False: there is none.
  bool wind_up(Speaker& world);
  /// An answer, or a push on the worker's subscription.
  void answered(Speaker& world, const Command& command, const Result<Bytes>& answer);
  /// The platform has crashed: all connections are lost.
  void crashed();

 private:
  void go_on(Speaker& world, SimWorker& worker);
  void connect(Speaker& world, SimWorker& worker);
  void await(Speaker& world, SimWorker& worker, int slots);
  void shake(Speaker& world, SimWorker& worker);
  void do_work(Speaker& world, SimWorker& worker);
  void resolve(Speaker& world, SimWorker& worker, const std::pair<std::string, std::uint32_t>& run);
  void misbehave(Speaker& world, SimWorker& worker);
  void lie(Speaker& world, SimWorker& worker);
  void claim_by_name(Speaker& world, SimWorker& worker);
  void lose_session(Speaker& world, SimWorker& worker);
  void put_artifact(Speaker& world,
                    SimWorker& worker,
                    const std::pair<std::string, std::uint32_t>& run,
                    std::uint64_t token);
  void take_on(Speaker& world, SimWorker& worker, const test::Held& held);
  void on_push(Speaker& world, SimWorker& worker, const test::Push& push);
  void on_connected(Speaker& world, SimWorker& worker, const test::Push& push);
  Command command(const SimWorker& worker, Verb verb, ActorId to, Bytes body);
  Command claim_command(const SimWorker& worker,
                        Verb verb,
                        const std::pair<std::string, std::uint32_t>& run,
                        std::uint64_t token);

  std::vector<SimWorker> workers_;
  std::vector<test::Held> old_claims_;  // that somebody once had
};

}  // namespace troupe::sim
