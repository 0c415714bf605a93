// What many pending tasks cost: rates of creation and of claims beside what waits already, and the
// server's memory.
//
//   one      all in one queue, against 1,000 in one queue
//   many     in 1,000 queues, against one in each
//
// Each side is a server of its own that was given its tasks over RPC, 100 in a call. Then both are
// measured in turns, 64 calls at a time: 1,000 tasks are created, 1,000 claimed (claimWork), and
// these reported, which is not measured, so that a side keeps its size. Memory is RssAnon, with
// mapped pages of the store (RssFile) apart: empty, filled, once the actors of what only waits have
// left memory, and after the turns.
//
// Prints one JSON object a line: for each side medians over the turns, then their ratios: of the
// large side's rate to the small one's, turn by turn, and of the processor time that the small one
// took for a task to that of the large one. Others who use the machine disturb the first more than
// the second. 100,000 tasks, 1,000,000 with FULL=1. Smaller
// tries: TROUPE_BENCH_SCALE=10000, TROUPE_BENCH_TURNS=3, TROUPE_BENCH_BASE=1000 (of the small side
// and of a turn; also the number of queues). Repeat it with: FULL=1 scripts/bench scale
#include "bench/support/platform.h"
#include "runtime/base/random.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::bench {
namespace {

constexpr std::size_t at_a_time = 64;
constexpr std::size_t batch = 100;
constexpr std::size_t batches_at_a_time = 8;
constexpr std::size_t tasks_a_group = 1'000;
// Of queues, workers and groups, beside those of tasks.
constexpr std::size_t actors_at_rest_max = 3'000;
constexpr auto look_every = 100 * kj::MILLISECONDS;
constexpr int looks_max = 600;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// What a step of a turn was like.
struct Pass {
  double per_second = 0;
  double cpu_us = 0;  // of the server, for each task
};

struct Turn {
  Pass create;
  Pass claim;
};

std::vector<double> all_of(const std::vector<Pass>& passes, double Pass::*figure) {
  std::vector<double> values;
  values.reserve(passes.size());
  for (const auto& pass : passes) values.push_back(pass.*figure);
  return values;
}

/// One server with what waits in it.
class Side {
 public:
  Side(kj::AsyncIoContext& io, const std::string& folder, std::string name, std::size_t queues)
      : io_(io),
        name_(std::move(name)),
        queues_(queues),
        platform_(io, folder + "/" + name_),
        connection_(platform_.connect()),
        queue_(connection_->queue()) {
    print_memory("empty");
  }

  /// Creates tasks, which go round the queues.
  void fill(std::size_t tasks) {
    const Stopwatch clock;
    const std::size_t calls = (tasks + batch - 1) / batch;
    each(calls, batches_at_a_time, [&](std::size_t i) {
      return create_many(i * batch, std::min(batch, tasks - i * batch));
    }).wait(io_.waitScope);
    tasks_ = tasks;
    fmt::print(
        R"({{"benchmark":"scale_fill","side":"{}","unit":"tasks/s","median":{:.0f},"runs":1,)"
        R"("tasks":{},"queues":{}}})"
        "\n",
        name_, static_cast<double>(tasks) / clock.seconds(), tasks_, queues_);
    print_memory("filled");
  }

  /// Adds so many and takes as many away.
  Turn play(std::size_t tasks) {
    const auto plan = plan_for("", new_slugid());
    Turn turn;
    turn.create = pass(tasks, [&](std::size_t i) {
      auto own = plan;
      own.queue = queue_name(i);
      return create_task(queue_, new_slugid(), own);
    });
    turn.claim = pass(tasks, [&](std::size_t i) { return claim(queue_name(i)); });
    pass(tasks, [this](std::size_t i) { return report(i); });
    held_.clear();
    return turn;
  }

  void print(const char* what, const std::vector<Pass>& passes) const {
    const auto rates = all_of(passes, &Pass::per_second);
    fmt::print(R"({{"benchmark":"scale_{}","side":"{}","unit":"tasks/s","median":{:.0f},)"
               R"("min":{:.0f},"max":{:.0f},"cpu_us":{:.1f},"runs":{},"tasks":{},"queues":{}}})"
               "\n",
               what, name_, median(rates), std::ranges::min(rates), std::ranges::max(rates),
               median(all_of(passes, &Pass::cpu_us)), passes.size(), tasks_, queues_);
  }

  void print_memory(const char* when) const {
    const auto memory = platform_.memory();
    fmt::print(R"({{"benchmark":"scale_memory","side":"{}","when":"{}","unit":"MiB",)"
               R"("anonymous":{:.1f},"mapped":{:.1f},"runs":1,"tasks":{},"queues":{}}})"
               "\n",
               name_, when, memory.anonymous, memory.file, tasks_, queues_);
    std::fflush(stdout);
  }

  /// Waits until no more actors than these are in memory.
  void rest() {
    for (int looks = 0; platform_.metric("troupe_actors") > actors_at_rest_max; ++looks) {
      if (looks == looks_max) fail("actors of tasks that wait stay in memory");
      io_.provider->getTimer().afterDelay(look_every).wait(io_.waitScope);
    }
    print_memory("rested");
  }

  /// What waits in all queues, as the server counts it.
  std::size_t pending() {
    std::size_t sum = 0;
    const auto answer = connection_->troupe().listQueuesRequest().send().wait(io_.waitScope);
    for (const auto queue : answer.getQueues()) sum += queue.getPending();
    return sum;
  }

 private:
  struct Held {
    std::string task;
    std::uint32_t run = 0;
  };

  std::string queue_name(std::size_t i) const { return "bench/q" + std::to_string(i % queues_); }

  Pass pass(std::size_t tasks, const std::function<kj::Promise<void>(std::size_t)>& step) {
    const double cpu_before = platform_.cpu_seconds();
    const Stopwatch clock;
    each(tasks, at_a_time, step).wait(io_.waitScope);
    const double seconds = clock.seconds();
    const auto count = static_cast<double>(tasks);
    return {count / seconds, (platform_.cpu_seconds() - cpu_before) * 1e6 / count};
  }

  kj::Promise<void> create_many(std::size_t first, std::size_t count) {
    if (first % tasks_a_group == 0) group_ = new_slugid();
    auto plan = plan_for("", group_);
    auto request = connection_->troupe().createTasksRequest();
    auto tasks = request.initTasks(static_cast<unsigned>(count));
    for (unsigned i = 0; i < tasks.size(); ++i) {
      tasks[i].setTaskId(text(new_slugid()));
      plan.queue = queue_name(first + i);
      fill_definition(plan, tasks[i].initTask());
    }
    return request.send().ignoreResult();
  }

  kj::Promise<void> claim(const std::string& queue) {
    auto request = queue_.claimWorkRequest();
    request.setTaskQueueId(text(queue));
    auto work = request.initRequest();
    work.setWorkerGroup("bench");
    work.setWorkerId("w");
    return request.send().then([this](auto answer) {
      if (answer.getTasks().size() != 1) fail("claimWork: no task");
      const auto claimed = answer.getTasks()[0];
      held_.push_back({str(claimed.getStatus().getTaskId()), claimed.getRunId()});
    });
  }

  kj::Promise<void> report(std::size_t i) {
    auto request = queue_.reportCompletedRequest();
    request.setTaskId(text(held_[i].task));
    request.setRunId(held_[i].run);
    return request.send().ignoreResult();
  }

  kj::AsyncIoContext& io_;
  const std::string name_;
  const std::size_t queues_;
  Platform platform_;
  const std::unique_ptr<client::Connection> connection_;
  schema::Queue::Client queue_;
  std::string group_;
  std::size_t tasks_ = 0;
  std::vector<Held> held_;
};

struct Case {
  const char* name;
  std::size_t queues;
};

// Of rates, turn by turn; and of processor time, the small side's to the large one's.
void print_ratio(const Case& c,
                 const char* what,
                 const std::vector<Pass>& small,
                 const std::vector<Pass>& large) {
  std::vector<double> rates;
  std::vector<double> cpu;
  for (std::size_t i = 0; i < small.size(); ++i) {
    rates.push_back(large[i].per_second / small[i].per_second);
    cpu.push_back(small[i].cpu_us / large[i].cpu_us);
  }
  fmt::print(R"({{"benchmark":"scale_{}_ratio","side":"{}","median":{:.2f},"min":{:.2f},)"
             R"("max":{:.2f},"of_cpu":{:.2f},"runs":{},"queues":{}}})"
             "\n",
             what, c.name, median(rates), std::ranges::min(rates), std::ranges::max(rates),
             median(cpu), rates.size(), c.queues);
}

void compare(kj::AsyncIoContext& io, const Case& c, std::size_t base, std::size_t tasks) {
  const std::size_t turns =
      std::max<std::size_t>(number_from_environment("TROUPE_BENCH_TURNS", 11), 1);
  const Folder folder("scale-bench");
  Side small(io, folder.path(), std::string(c.name) + "_small", c.queues);
  Side large(io, folder.path(), std::string(c.name) + "_large", c.queues);
  small.fill(base);
  large.fill(tasks);
  Side* sides[] = {&small, &large};
  for (Side* side : sides) side->rest();      // or one puts actors away while the other is measured
  for (Side* side : sides) side->play(base);  // what a first turn meets is cold
  std::vector<Pass> creations[2];
  std::vector<Pass> claims[2];
  for (std::size_t turn = 0; turn < turns; ++turn) {
    for (const std::size_t i : {turn % 2, 1 - turn % 2}) {
      const Turn played = sides[i]->play(base);
      creations[i].push_back(played.create);
      claims[i].push_back(played.claim);
    }
  }
  for (const std::size_t i : {0, 1}) {
    sides[i]->print("create", creations[i]);
    sides[i]->print("claim", claims[i]);
    sides[i]->print_memory("played");
  }
  print_ratio(c, "create", creations[0], creations[1]);
  print_ratio(c, "claim", claims[0], claims[1]);
  fmt::print(R"({{"benchmark":"scale_pending","side":"{}","unit":"tasks","small":{},"large":{},)"
             R"("runs":1}})"
             "\n",
             c.name, small.pending(), large.pending());
  std::fflush(stdout);
}

void run() {
  auto io = kj::setupAsyncIo();
  const char* full = std::getenv("FULL");  // NOLINT: no other thread yet
  const bool is_full = full != nullptr && std::string(full) == "1";
  const std::size_t tasks =
      number_from_environment("TROUPE_BENCH_SCALE", is_full ? 1'000'000 : 100'000);
  const std::size_t base = number_from_environment("TROUPE_BENCH_BASE", 1'000);
  compare(io, {"one", 1}, base, tasks);
  compare(io, {"many", base}, base, tasks);
}

}  // namespace
}  // namespace troupe::bench

int main() {
  return troupe::bench::run_main(troupe::bench::run);
}
