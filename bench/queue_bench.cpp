// What the queue does over RPC and over HTTP: a real server, whose answers leave when what they
// promise is on disk, and one client that asks it.
//
//   create      createTask
//   status      status
//   claim       claimWork, while all tasks wait
//   complete    reportCompleted; over HTTP with the credentials of the claim
//   lifecycle   the three that change something, one after the other, for each task
//   edge        from when a task's end is reported to when the claim of the one task that depends
//   on
//               it has come to a worker that waits: on its claim stream, or in claimWork
//
// 1, 16 and 64 at a time, and in batches of 100, one batch after the other. Over RPC these are
// createTasks, statuses, a claim stream's window and Registration.resolve; over HTTP statuses and
// four claimWork (32, 32, 32 and 4 tasks), and what the API has no batch of is asked on 100
// connections at once. Latencies are of calls, of whole batches, and of each edge.
//
// Prints one JSON object a line: tasks (or edges) a second in several turns, the latencies of the
// turn with the median rate, and processor time for each task, of the server and of this client,
// which signs and reads all it says; then what the server has of all that was made over a face.
// Both share this machine's processors. Smaller tries: TROUPE_BENCH_TURNS=1
// TROUPE_BENCH_TASKS=1000 (a turn's; one at a time does a tenth). Repeat it with: scripts/bench
// queue
#include "bench/support/platform.h"
#include "bench/support/queue_face.h"
#include "runtime/base/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::bench {
namespace {

constexpr std::array<Pace, 4> paces{Pace{.in_flight = 1}, Pace{.in_flight = 16},
                                    Pace{.in_flight = 64}, Pace{.in_flight = 1, .batch = 100}};
constexpr auto look_every = 20 * kj::MILLISECONDS;
constexpr int looks_max = 500;
constexpr std::array measures{"create", "status", "claim", "complete", "lifecycle", "edge"};

Ids new_ids(std::size_t count) {
  Ids ids(count);
  std::ranges::generate(ids, new_slugid);
  return ids;
}

/// Plays the measures, each turn in queues of its own.
class Player {
 public:
  Player(kj::AsyncIoContext& io, Platform& platform, QueueFace& face)
      : io_(io), platform_(platform), face_(face) {}

  /// One turn; a figure for each of `measures`.
  std::map<std::string, Meter> play(std::size_t tasks, Pace pace) {
    std::map<std::string, Meter> meters;
    for (const char* name : measures) meters.emplace(name, platform_);
    const auto plan = next_plan();
    const Ids ids = new_ids(tasks);
    face_.create(plan, ids, pace, meters.at("create"));
    face_.statuses(ids, pace, meters.at("status"));
    face_.claim(plan.queue, tasks, pace, meters.at("claim"));
    face_.complete(pace, meters.at("complete"));
    face_.live(next_plan(), new_ids(tasks), pace, meters.at("lifecycle"));
    play_edges(tasks, pace, meters.at("edge"));
    made_ += 4 * tasks;
    completed_ += 3 * tasks;
    return meters;
  }

  std::size_t made() const { return made_; }

  /// All that were made but those at the ends of edges.
  std::size_t completed() const { return completed_; }

 private:
  TaskPlan next_plan() { return plan_for("bench/q" + std::to_string(queues_++), new_slugid()); }

  void play_edges(std::size_t edges, Pace pace, Meter& meter) {
    const Pace fast{.in_flight = 64};
    Meter unnoticed(platform_);
    const Ids needed = new_ids(edges);
    const auto plan = next_plan();
    face_.create(plan, needed, fast, unnoticed);
    const auto dependent_plan = next_plan();
    std::map<std::string, std::string> dependents;
    const auto connection = platform_.connect();
    each(edges, fast.in_flight, [&](std::size_t i) {
      auto own_plan = dependent_plan;
      own_plan.needs = {needed[i]};
      const auto& id = dependents.emplace(needed[i], new_slugid()).first->second;
      return create_task(connection->queue(), id, own_plan);
    }).wait(io_.waitScope);
    face_.claim(plan.queue, edges, pace.batch > 1 ? pace : fast, unnoticed);
    face_.edges(dependent_plan.queue, dependents, pace, meter);
  }

  kj::AsyncIoContext& io_;
  Platform& platform_;
  QueueFace& face_;
  std::size_t queues_ = 0;
  std::size_t made_ = 0;
  std::size_t completed_ = 0;
};

void print(const char* measure,
           const char* face,
           Pace pace,
           std::size_t tasks,
           std::vector<const Meter*> turns) {
  std::ranges::sort(turns, std::greater(), [](const Meter* turn) { return turn->seconds(); });
  const Meter& middle = *turns[turns.size() / 2];
  const auto count = static_cast<double>(tasks);
  fmt::print(R"({{"benchmark":"queue_{}","face":"{}","in_flight":{},"batch":{},"unit":"{}/s",)"
             R"("median":{:.0f},"min":{:.0f},"max":{:.0f},"p50_ms":{:.3f},"p99_ms":{:.3f},)"
             R"("cpu_us":{:.1f},"client_cpu_us":{:.1f},"tasks":{},"latencies":{},"runs":{}}})"
             "\n",
             measure, face, pace.in_flight, pace.batch,
             std::string_view(measure) == "edge" ? "edges" : "tasks", count / middle.seconds(),
             count / turns.front()->seconds(), count / turns.back()->seconds(),
             middle.latencies.quantile_ms(0.5), middle.latencies.quantile_ms(0.99),
             middle.server_cpu_seconds() * 1e6 / count, middle.client_cpu_seconds() * 1e6 / count,
             tasks, middle.latencies.seconds.size(), turns.size());
  std::fflush(stdout);
}

// What has become of all that was made, as the server has it.
void print_tasks(kj::AsyncIoContext& io,
                 Platform& platform,
                 const char* face,
                 const Player& player) {
  const char* const counter = "queue_completed_tasks";
  // It counts from its event log, a little later.
  for (int looks = 0; looks < looks_max; ++looks) {
    if (platform.metric(counter) >= static_cast<double>(player.completed())) break;
    io.provider->getTimer().afterDelay(look_every).wait(io.waitScope);
  }
  std::size_t pending = 0;
  std::size_t claimed = 0;
  const auto connection = platform.connect();
  const auto answer = connection->troupe().listQueuesRequest().send().wait(io.waitScope);
  for (const auto queue : answer.getQueues()) {
    pending += queue.getPending();
    claimed += queue.getClaimed();
  }
  fmt::print(
      R"({{"benchmark":"queue_tasks","face":"{}","unit":"tasks","made":{},"completed":{:.0f},)"
      R"("pending":{},"claimed":{},"runs":1}})"
      "\n",
      face, player.made(), platform.metric(counter), pending, claimed);
  std::fflush(stdout);
}

void bench_face(kj::AsyncIoContext& io, Platform& platform, QueueFace& face) {
  const std::size_t turns = number_from_environment("TROUPE_BENCH_TURNS", 3);
  const std::size_t tasks = number_from_environment("TROUPE_BENCH_TASKS", 10'000);
  Player player(io, platform, face);
  for (const Pace pace : paces) {
    const std::size_t some =
        std::max<std::size_t>(tasks / (pace.in_flight + pace.batch == 2 ? 10 : 1), 1);
    std::vector<std::map<std::string, Meter>> played;
    for (std::size_t i = 0; i < turns; ++i) played.push_back(player.play(some, pace));
    for (const char* measure : measures) {
      std::vector<const Meter*> of_measure;
      of_measure.reserve(turns);
      for (const auto& turn : played) of_measure.push_back(&turn.at(measure));
      print(measure, face.name(), pace, some, std::move(of_measure));
    }
  }
  print_tasks(io, platform, face.name(), player);
}

void run() {
  auto io = kj::setupAsyncIo();
  const Folder folder("queue-bench");
  {
    Platform platform(io, folder.path() + "/rpc");
    bench_face(io, platform, *make_rpc_face(io, platform));
  }
  Platform platform(io, folder.path() + "/http");
  bench_face(io, platform, *make_http_face(platform));
}

}  // namespace
}  // namespace troupe::bench

int main() {
  return troupe::bench::run_main(troupe::bench::run);
}
