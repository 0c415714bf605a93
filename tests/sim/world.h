// One simulated world: the platform on its simulated node, clients and workers around it, and the
// model that watches all of them. One seed decides everything.
//
//   clients, keepers --+                      +--> answers --> clients, workers, model
//                      +--> wires --> host ---+
//   workers, uploads --+    (delay, reorder,  +--> rows, events --> model
//                            duplicate, drop) +--> messages handled --> queues
#pragma once

#include "runtime/sim/sim_host.h"
#include "tests/sim/clients.h"
#include "tests/sim/keepers.h"
#include "tests/sim/model.h"
#include "tests/sim/pollers.h"
#include "tests/sim/queues.h"
#include "tests/sim/trace.h"
#include "tests/sim/uploads.h"
#include "tests/sim/watch.h"
#include "tests/sim/workers.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 5'000;  // with faults; what it takes to end all work comes on top
};

/// What came of one seed.
struct Report {
  std::uint64_t seed = 0;
  std::uint64_t steps = 0;
  std::uint64_t commands = 0;
  std::uint64_t tasks = 0;
  SimCounts counts;
  std::map<Reason, std::uint64_t> endings;  // runs, by why they ended
  std::map<Verb, std::uint64_t> accepted;   // commands
  std::string state_hash;
  std::vector<std::string> violations;
  std::vector<std::string> trace;  // if something is violated
};

class World final : public Speaker {
 public:
  explicit World(WorldOptions options);

  /// Runs to the end, or to the first violation.
  Report run();

  // -- Speaker: what clients and workers can do
  Random& random() override { return host_->random(); }
  Instant now() override { return host_->clock().wall_now(); }
  Model& model() override { return model_; }
  Queues& queues() override { return queues_; }
  void say(Command command, WireId wire) override;
  WireId new_wire() override;
  bool faulty() const override { return faulty_; }

 private:
  struct Arrived {
    Command command;
    Reply reply;
  };

  SimOptions host_options();
  Faults pick_faults();
  void begin_leases(Host& host);
  void on_handled(const ActorId& self, const Message& message, const Result<Effects>& outcome);
  void on_reply(Reply reply);
  void on_report(const std::string& event, const std::string& actor, const std::string& detail);
  void on_crashed();
  void on_restarted();

  void step();
  void act();
  void send_one();
  void hand_over(Command command);
  void look();
  void take_answers();
  void take_answer(Arrived arrived);
  void check_answer(const Arrived& arrived);
  void step_clock();
  void tell_time();
  void rest();
  void finish();
  void expire();
  bool ok() const { return model_.violations().empty(); }

  const WorldOptions options_;
  Model model_;
  Queues queues_{model_};
  Trace trace_;
  Watcher watcher_;
  Clients clients_;
  Workers workers_;
  Pollers pollers_;
  Keepers keepers_;
  Uploads uploads_;
  bool faulty_ = true;
  Faults faults_;
  std::uint64_t steps_ = 0;
  std::uint64_t commands_ = 0;
  std::map<Verb, std::uint64_t> accepted_;
  std::uint64_t seen_commits_ = 0;
  std::uint64_t swept_commits_ = 0;
  std::uint64_t calls_ = 0;
  Duration next_wake_{0};          // by time elapsed
  std::uint32_t clock_steps_ = 0;  // per thousand steps
  WireId wires_made_ = 0;
  std::map<WireId, std::deque<Command>> wires_;  // none is empty
  std::map<std::uint64_t, Command> unanswered_;  // by call
  std::vector<Arrived> arrived_;
  std::unique_ptr<SimHost> host_;  // last: its callbacks use all of the above
};

}  // namespace troupe::sim
