// What races for the tasks of one queue, and who makes them, for a test that kills some of it.
//
//   race create CREDENTIALS LOG QUEUE COUNT FIRST       COUNT tasks of all priorities
//   race work CREDENTIALS LOG QUEUE COUNT FIRST         COUNT workers, the FIRST-th and following
//
// Appends to LOG (race_log.h). `create` ends when all tasks are acknowledged, `work` with its
// standard input. Every other worker is on HTTP, the others on RPC; of four of each one is quick,
// one takes eight tasks at once, one is slow, and one dies after some claims and comes back under
// another name.
#include "apps/troupe/client/client.h"
#include "runtime/base/random.h"
#include "runtime/clock/clock.h"
#include "runtime/store/message.h"
#include "tests/crash/race_worker.h"

#include <kj/async-io.h>
#include <kj/debug.h>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::load {
namespace {

constexpr std::size_t batch = 100;
constexpr std::size_t batches_at_a_time = 4;
constexpr std::size_t priorities = 7;
constexpr Duration hour{60 * 60 * 1000};

struct Plan {
  std::string queue;
  std::size_t count = 0;
  std::size_t first = 0;
};

Habits habits_of(std::size_t number) {
  Habits habits{.name = "w" + std::to_string(number)};
  switch (number / 2 % 4) {
    case 0: break;
    case 1: habits.tasks = 8; break;
    case 2: habits = {habits.name, 4, 50 * kj::MILLISECONDS}; break;
    case 3: habits = {habits.name, 4, 0 * kj::SECONDS, 20}; break;
  }
  return habits;
}

/// Makes tasks, some batches at a time.
class Maker {
 public:
  Maker(client::Connection& connection, RaceLog& log, Plan plan)
      : connection_(connection), log_(log), plan_(std::move(plan)) {}

  kj::Promise<void> run() {
    kj::Vector<kj::Promise<void>> lanes;
    for (std::size_t i = 0; i < batches_at_a_time; ++i) lanes.add(lane());
    return kj::joinPromises(lanes.releaseAsArray());
  }

 private:
  kj::Promise<void> lane() {
    if (made_ == plan_.count) return kj::READY_NOW;
    const std::size_t first = plan_.first + made_;
    const std::size_t size = std::min(batch, plan_.count - made_);
    made_ += size;
    std::vector<std::string> ids(size);
    auto request = connection_.troupe().createTasksRequest();
    auto tasks = request.initTasks(static_cast<unsigned>(size));
    const std::string group = new_slugid();
    for (unsigned i = 0; i < tasks.size(); ++i) {
      ids[i] = new_slugid();
      tasks[i].setTaskId(text(ids[i]));
      fill(tasks[i].initTask(), group, priority_of(first + i));
    }
    const auto sent = log_.now();
    return request.send().then([this, sent, first, ids = std::move(ids)](auto&&) {
      const auto answered = log_.now();
      for (std::size_t i = 0; i < ids.size(); ++i) {
        log_.line("created {} {} {} {}", ids[i], priority_of(first + i), sent, answered);
      }
      return lane();
    });
  }

  // All of them in each batch, in no order.
  static unsigned priority_of(std::size_t number) {
    return static_cast<unsigned>(number * 11 / 3 % priorities);
  }

  void fill(schema::TaskDefinition::Builder definition,
            const std::string& group,
            unsigned priority) {
    const Instant now = wall_now();
    definition.setTaskQueueId(text(plan_.queue));
    definition.setTaskGroupId(text(group));
    definition.setPriority(static_cast<schema::Priority>(priority));
    definition.setRetries(49);
    definition.setCreated(now.ms);
    definition.setDeadline((now + hour).ms);
    definition.setPayload("{}");
    auto metadata = definition.initMetadata();
    metadata.setName("race");
    metadata.setDescription("race");
    metadata.setOwner("race@example.com");
    metadata.setSource("https://example.com/race");
  }

  client::Connection& connection_;
  RaceLog& log_;
  const Plan plan_;
  std::size_t made_ = 0;  // or being made
};

void create(kj::AsyncIoContext& io, const client::Target& target, RaceLog& log, Plan plan) {
  const auto connection = client::connect(*io.provider, target).wait(io.waitScope);
  Maker(*connection, log, std::move(plan)).run().wait(io.waitScope);
}

void work(kj::AsyncIoContext& io, const client::Target& target, RaceLog& log, const Plan& plan) {
  const Race race{io, target, plan.queue, log};
  kj::Vector<kj::Promise<void>> workers;
  for (std::size_t i = plan.first; i < plan.first + plan.count; ++i) {
    workers.add(i % 2 == 0 ? race_over_http(race, habits_of(i))
                           : race_over_rpc(race, habits_of(i)));
  }
  auto input = io.lowLevelProvider->wrapInputFd(STDIN_FILENO);
  kj::joinPromises(workers.releaseAsArray())
      .exclusiveJoin(input->readAllBytes().ignoreResult())
      .wait(io.waitScope);
}

int run(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: race create|work CREDENTIALS LOG QUEUE COUNT FIRST\n";
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const auto target = client::read_credentials(argv[2]);
  if (!target.ok()) {
    std::cerr << target.error().detail << '\n';
    return 1;
  }
  auto io = kj::setupAsyncIo();
  RaceLog log(argv[3]);
  Plan plan{argv[4], std::stoul(argv[5]), std::stoul(argv[6])};
  if (argv[1] == std::string_view("create")) {
    create(io, target.value(), log, std::move(plan));
  } else {
    work(io, target.value(), log, plan);
  }
  return 0;
}

}  // namespace
}  // namespace troupe::load

int main(int argc, char** argv) {
  return troupe::load::run(argc, argv);
}
