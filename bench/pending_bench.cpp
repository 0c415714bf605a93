// What stored tasks cost a start: time to /readyz and memory with a million pending tasks.
//
//   empty     a new directory
//   pending   all in one queue: after the start, and after a first claim was handed out
//   overdue   in 1,000 queues, all deadlines passed while no server ran: another client's commands
//             meanwhile, and how fast the tasks are ended
//
// Prints one JSON object a line; memory is RssAnon, with mapped pages (RssFile) apart. Smaller
// tries: TROUPE_BENCH_PENDING=100000. Repeat it with: scripts/bench pending
#include "bench/support/filler.h"
#include "bench/support/platform.h"
#include "bench/support/probe.h"
#include "runtime/clock/clock.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace troupe::bench {
namespace {

constexpr std::size_t starts = 5;
constexpr std::size_t queues = 1'000;
constexpr Duration hour{60 * 60 * 1000};
constexpr auto overdue_time = 20 * kj::SECONDS;  // at most as long is watched
constexpr auto look_every = 200 * kj::MILLISECONDS;

void print_ready(const char* directory, std::size_t tasks, const std::vector<double>& seconds) {
  const auto [least, most] = std::ranges::minmax(seconds);
  fmt::print(R"({{"benchmark":"ready_{}","unit":"ms","min":{:.1f},"max":{:.1f},"runs":{},)"
             R"("tasks":{}}})"
             "\n",
             directory, least * 1e3, most * 1e3, seconds.size(), tasks);
  std::fflush(stdout);
}

void print_memory(const char* when, std::size_t tasks, Memory memory) {
  fmt::print(R"({{"benchmark":"memory_{}","unit":"MiB","anonymous":{:.1f},"mapped":{:.1f},)"
             R"("runs":1,"tasks":{}}})"
             "\n",
             when, memory.anonymous, memory.file, tasks);
  std::fflush(stdout);
}

// A data directory with its keys, whose store is empty.
void make_directory(kj::AsyncIoContext& io, const std::string& data_dir) {
  Platform(io, data_dir);
}

void fill(const std::string& data_dir, const FillPlan& plan) {
  const double speed = fill_store(data_dir, plan);
  fmt::print(R"({{"benchmark":"fill_{}_queues","unit":"tasks/s","median":{:.0f},"runs":1,)"
             R"("tasks":{}}})"
             "\n",
             plan.queues, speed, plan.tasks);
  std::fflush(stdout);
}

// Takes what the server pushes and says when the first has come.
class Sink final : public schema::ClaimSink::Server {
 public:
  explicit Sink(kj::Own<kj::PromiseFulfiller<void>> first) : first_(kj::mv(first)) {}
  kj::Promise<void> push(PushContext) override {
    first_->fulfill();
    return kj::READY_NOW;
  }
  kj::Promise<void> revoke(RevokeContext) override { return kj::READY_NOW; }
  kj::Promise<void> displaced(DisplacedContext) override { return kj::READY_NOW; }

 private:
  kj::Own<kj::PromiseFulfiller<void>> first_;
};

// Seconds from a worker's registration to its first claim.
double first_claim(kj::AsyncIoContext& io, Platform& platform) {
  const auto connection = platform.connect();
  auto paf = kj::newPromiseAndFulfiller<void>();
  const Stopwatch stopwatch;
  auto request = connection->workers().registerRequest();
  auto info = request.initInfo();
  info.setTaskQueueId("bench/q0");
  info.setWorkerGroup("bench");
  info.setWorkerId("w");
  info.setCapacity(1);
  info.setProcess(1);
  request.setSink(kj::heap<Sink>(kj::mv(paf.fulfiller)));
  auto registration = request.send().wait(io.waitScope).getRegistration();
  auto window = registration.setWindowRequest();
  window.setSlots(1);
  window.send().wait(io.waitScope);
  paf.promise.wait(io.waitScope);
  return stopwatch.seconds();
}

void bench_empty(kj::AsyncIoContext& io, const std::string& folder) {
  std::vector<double> seconds;
  for (std::size_t i = 0; i < starts; ++i) {
    const Platform platform(io, folder + "/empty" + std::to_string(i));
    seconds.push_back(platform.ready_seconds());
    if (i + 1 == starts) print_memory("empty", 0, platform.memory());
  }
  print_ready("empty", 0, seconds);
}

void bench_pending(kj::AsyncIoContext& io, const std::string& data_dir, std::size_t tasks) {
  make_directory(io, data_dir);
  const Instant now = wall_now();
  fill(data_dir, {.tasks = tasks, .now = now, .deadline = now + 24 * hour});
  std::vector<double> seconds;
  for (std::size_t i = 0; i < starts; ++i) {
    const Platform platform(io, data_dir);
    seconds.push_back(platform.ready_seconds());
    if (i + 1 == starts) print_memory("pending", tasks, platform.memory());
  }
  print_ready("pending", tasks, seconds);
  Platform platform(io, data_dir);
  const double claim = first_claim(io, platform);
  fmt::print(R"({{"benchmark":"first_claim_pending","unit":"ms","median":{:.1f},"runs":1,)"
             R"("tasks":{}}})"
             "\n",
             claim * 1e3, tasks);
  print_memory("pending_first_claim", tasks, platform.memory());
}

// Runs that wait in any queue.
std::size_t count_all_pending(kj::AsyncIoContext& io, client::Connection& connection) {
  const auto answer = connection.troupe().listQueuesRequest().send().wait(io.waitScope);
  std::size_t pending = 0;
  for (const auto queue : answer.getQueues()) {
    if (str(queue.getTaskQueueId()).starts_with("bench/q")) pending += queue.getPending();
  }
  return pending;
}

void bench_overdue(kj::AsyncIoContext& io, const std::string& data_dir, std::size_t tasks) {
  make_directory(io, data_dir);
  const Instant now = wall_now();
  fill(data_dir, {.tasks = tasks,
                  .queues = queues,
                  .now = now - Duration{3 * hour},
                  .deadline = now - Duration{2 * hour}});
  Platform platform(io, data_dir);
  const Stopwatch stopwatch;
  print_ready("overdue", tasks, {platform.ready_seconds()});
  const auto connection = platform.connect();
  Probe probe(platform.connect(), {"bench/probe"}, 1);
  probe.start();
  auto& timer = io.provider->getTimer();
  const auto end = timer.now() + overdue_time;
  const auto left_at_first = count_all_pending(io, *connection);
  auto left = left_at_first;
  Memory most;
  while (left > 0 && timer.now() < end) {
    timer.afterDelay(look_every).wait(io.waitScope);
    left = count_all_pending(io, *connection);
    const auto memory = platform.memory();
    if (memory.anonymous > most.anonymous) most = memory;
  }
  const double seconds = stopwatch.seconds();
  probe.stop(io.waitScope);
  fmt::print(R"({{"benchmark":"overdue_tasks_ended","unit":"tasks/s","median":{:.0f},"runs":1,)"
             R"("tasks":{},"left":{}}})"
             "\n",
             static_cast<double>(tasks - left) / seconds, tasks, left);
  for (const auto& [what, latencies] :
       {std::pair{"create", &probe.creations()}, std::pair{"query", &probe.queries()}}) {
    fmt::print(R"({{"benchmark":"{}_while_overdue","unit":"ms","median":{:.2f},"p99":{:.2f},)"
               R"("max":{:.2f},"runs":{},"tasks":{}}})"
               "\n",
               what, latencies->quantile_ms(0.5), latencies->quantile_ms(0.99), latencies->max_ms(),
               latencies->seconds.size(), tasks);
  }
  print_memory("overdue_peak", tasks, most);
}

void run() {
  auto io = kj::setupAsyncIo();
  const std::size_t tasks = number_from_environment("TROUPE_BENCH_PENDING", 1'000'000);
  const Folder folder("pending-bench");
  bench_empty(io, folder.path());
  bench_pending(io, folder.path() + "/pending", tasks);
  std::filesystem::remove_all(folder.path() + "/pending");
  bench_overdue(io, folder.path() + "/overdue", tasks);
}

}  // namespace
}  // namespace troupe::bench

int main() {
  return troupe::bench::run_main(troupe::bench::run);
}
