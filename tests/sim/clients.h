// Simulated clients: they create graphs of tasks, schedule, cancel and rerun, seal and release
// groups, and say again what was not answered.
#pragma once

#include "tests/sim/speaker.h"

#include <deque>
#include <string>
#include <vector>

namespace troupe::sim {

class Clients {
 public:
  /// Says something new, or something again.
  void act(Speaker& world);
  /// Says what is left to be said until all work can end. False: nothing is.
  bool wind_up(Speaker& world);
  /// A command was answered; its sender may not have heard it.
  void answered(Speaker& world, const Command& command, const Result<Bytes>& answer);
  /// A command's answer will never come.
  void lost(Speaker& world, Command command);

 private:
  void create_some(Speaker& world);
  test::NewTask new_task(Speaker& world);
  void create(Speaker& world, const std::string& id, test::NewTask task, WireId wire);
  void create_again(Speaker& world);
  void command_task(Speaker& world);
  void command_group(Speaker& world);

  std::uint64_t ids_ = 0;
  bool released_ = false;
  std::vector<std::string> acknowledged_;  // tasks
  std::deque<Command> again_;
};

}  // namespace troupe::sim
