// Whether the end of a task with 10,000 dependents makes others wait: another client creates tasks,
// in a queue of its own and in that of the dependents in turns, and asks for their status.
//
//   idle        that client alone, for comparison
//   fan_out     tasks with 10,000 dependents each end, one or ten at once
//   fan_in      a task that needs 10,000 others is created
//
// `total` is the time from the first command to the last dependent in its queue, `queued_max` the
// most effects that waited for the disk. No handler yields more than 256 effects: one that does is
// refused by the runtime and becomes a dead letter, which ends the program.
//
// Prints one JSON object a line. Smaller tries: TROUPE_BENCH_DEPENDENTS=1000.
// Repeat it with: scripts/bench dependents
#include "bench/support/platform.h"
#include "bench/support/probe.h"
#include "runtime/base/random.h"
#include "runtime/clock/stopwatch.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace troupe::bench {
namespace {

constexpr std::size_t at_a_time = 256;
constexpr auto idle_time = 2 * kj::SECONDS;
constexpr auto look_every = 10 * kj::MILLISECONDS;
constexpr const char* crowd_queue = "bench/crowd";

struct Case {
  const char* name;
  std::size_t roots;
  std::size_t dependents;
  std::size_t in_flight;
};

void print_latencies(const Case& c, const char* what, const Latencies& latencies) {
  fmt::print(R"({{"benchmark":"{}_{}","unit":"ms","roots":{},"dependents":{},"in_flight":{},)"
             R"("median":{:.2f},"p99":{:.2f},"max":{:.2f},"runs":{}}})"
             "\n",
             c.name, what, c.roots, c.dependents, c.in_flight, latencies.quantile_ms(0.5),
             latencies.quantile_ms(0.99), latencies.max_ms(), latencies.seconds.size());
}

void print(const Case& c, const Probe& probe, double total_seconds, double queued_max) {
  print_latencies(c, "create", probe.creations());
  print_latencies(c, "query", probe.queries());
  fmt::print(R"({{"benchmark":"{}_total","unit":"ms","roots":{},"dependents":{},"in_flight":{},)"
             R"("median":{:.0f},"queued_max":{:.0f},"runs":1}})"
             "\n",
             c.name, c.roots, c.dependents, c.in_flight, total_seconds * 1e3, queued_max);
  std::fflush(stdout);
}

// A platform with a crowd of tasks, and the client that others must not keep waiting.
class Stage {
 public:
  Stage(kj::AsyncIoContext& io, const std::string& data_dir, const Case& c)
      : io_(io),
        case_(c),
        platform_(io, data_dir),
        connection_(platform_.connect()),
        probe_(platform_.connect(), {"bench/other", crowd_queue}, c.in_flight) {}

  /// Roots, and tasks that need them.
  void create_crowd() {
    const std::string group = new_slugid();
    for (std::size_t i = 0; i < case_.roots; ++i) roots_.push_back(new_slugid());
    create(roots_.size(), [&](std::size_t i) {
      return create_task(connection_->queue(), roots_[i], plan_for("bench/roots", group));
    });
    create(case_.roots * case_.dependents, [&](std::size_t i) {
      auto plan = plan_for(crowd_queue, group);
      plan.needs = {roots_[i % roots_.size()]};
      return create_task(connection_->queue(), new_slugid(), plan);
    });
  }

  /// Claims all roots, then lets them complete at once. Prints what the other client saw.
  void fan_out() {
    std::vector<schema::Claim::Client> claims;
    for (std::size_t i = 0; i < roots_.size(); ++i) {
      claims.push_back(
          claim_task(*connection_, roots_[i], "w" + std::to_string(i)).wait(io_.waitScope));
    }
    const Stopwatch stopwatch;
    kj::Vector<kj::Promise<void>> answers;
    for (auto& claim : claims) answers.add(claim.resolveRequest().send().ignoreResult());
    probe_.start();
    while (waiting() < case_.roots * case_.dependents) look();
    const double seconds = stopwatch.seconds();
    finish(seconds);
    kj::joinPromises(answers.releaseAsArray()).wait(io_.waitScope);
  }

  /// One task that needs many.
  void fan_in() {
    const std::string group = new_slugid();
    std::vector<std::string> needs;
    for (std::size_t i = 0; i < case_.dependents; ++i) needs.push_back(new_slugid());
    create(needs.size(), [&](std::size_t i) {
      return create_task(connection_->queue(), needs[i], plan_for("bench/needs", group));
    });
    auto plan = plan_for("bench/roots", group);
    plan.needs = std::move(needs);
    bool created = false;
    const Stopwatch stopwatch;
    auto answer = create_task(connection_->queue(), new_slugid(), plan)
                      .then([&created] { created = true; })
                      .eagerlyEvaluate(nullptr);
    probe_.start();
    while (!created) look();
    const double seconds = stopwatch.seconds();
    answer.wait(io_.waitScope);
    finish(seconds);
  }

  void idle() {
    probe_.start();
    io_.provider->getTimer().afterDelay(idle_time).wait(io_.waitScope);
    finish(0);
  }

 private:
  void create(std::size_t count, const std::function<kj::Promise<void>(std::size_t)>& step) {
    each(count, at_a_time, step).wait(io_.waitScope);
  }

  // Of the crowd; those of the other client do not count.
  std::size_t waiting() {
    const auto mine = probe_.created_in(crowd_queue);
    const auto all = count_pending(connection_->troupe(), crowd_queue).wait(io_.waitScope);
    return all - std::min(all, mine);
  }

  void look() {
    queued_max_ = std::max(queued_max_, platform_.metric("troupe_commit_queue_length"));
    io_.provider->getTimer().afterDelay(look_every).wait(io_.waitScope);
  }

  void finish(double seconds) {
    probe_.stop(io_.waitScope);
    if (platform_.metric("troupe_dead_letters") > 0) fail("a message has become a dead letter");
    print(case_, probe_, seconds, queued_max_);
  }

  kj::AsyncIoContext& io_;
  const Case case_;
  Platform platform_;
  const std::unique_ptr<client::Connection> connection_;
  Probe probe_;
  std::vector<std::string> roots_;
  double queued_max_ = 0;
};

void run() {
  auto io = kj::setupAsyncIo();
  const Folder folder("dependents-bench");
  const std::size_t many = number_from_environment("TROUPE_BENCH_DEPENDENTS", 10'000);
  std::size_t directories = 0;
  const auto next_directory = [&] { return folder.path() + "/" + std::to_string(directories++); };
  for (const std::size_t in_flight : {1, 16}) {
    Stage(io, next_directory(), {"idle", 0, 0, in_flight}).idle();
    for (const std::size_t roots : {1, 10}) {
      Stage stage(io, next_directory(), {"fan_out", roots, many, in_flight});
      stage.create_crowd();
      stage.fan_out();
    }
    Stage(io, next_directory(), {"fan_in", 1, many, in_flight}).fan_in();
  }
}

}  // namespace
}  // namespace troupe::bench

int main() {
  return troupe::bench::run_main(troupe::bench::run);
}
