// Whether large structures make others wait while they resolve: another client reads the status of
// a task again and again, and yet another one creates, claims and reports tasks of its own, one
// after the other. How long each of these calls takes is noted; `max` is the longest stall.
//
//   idle          those two alone, for comparison
//   chain         1,000 tasks, each of which needs the one before
//   fan_out       a task that 10,000 others need
//   fan_in        10,000 tasks that one other needs
//   group         10,000 tasks of one group
//   group_cancel  the same, sealed and cancelled by one call
//
// A worker with room for 32 tasks completes them as they come, from the first to the last. Each
// case has a server of its own. All share this machine's processors: the other clients pause for a
// millisecond between calls, so that they wait for the server and not for each other.
//
// Prints one JSON object a line. Smaller tries: TROUPE_BENCH_STALLS=1000 (of the chain: a tenth).
// Repeat it with: scripts/bench stalls
#include "bench/support/platform.h"
#include "bench/support/probe.h"
#include "bench/support/runner.h"
#include "runtime/base/random.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::bench {
namespace {

constexpr std::size_t at_a_time = 256;
constexpr std::size_t runner_capacity = 32;
constexpr auto idle_time = 2 * kj::SECONDS;
constexpr auto pause = 1 * kj::MILLISECONDS;
constexpr const char* crowd_queue = "bench/crowd";

/// The two other clients.
class Bystanders {
 public:
  Bystanders(kj::AsyncIoContext& io, Platform& platform)
      : timer_(io.provider->getTimer()),
        reader_(platform.connect()),
        maker_(platform.connect()),
        group_(new_slugid()),
        known_(new_slugid()) {
    create_task(reader_->queue(), known_, plan_for("bench/known", group_)).wait(io.waitScope);
  }

  void start() {
    auto builder = kj::heapArrayBuilder<kj::Promise<void>>(2);
    builder.add(read());
    builder.add(make());
    lanes_ = kj::joinPromises(builder.finish()).eagerlyEvaluate(nullptr);
  }

  void stop(kj::WaitScope& wait_scope) {
    stopping_ = true;
    lanes_.wait(wait_scope);
  }

  /// By what was asked.
  const std::map<std::string, Latencies>& latencies() const { return latencies_; }

 private:
  kj::Promise<void> read() {
    if (stopping_) return kj::READY_NOW;
    auto request = reader_->queue().statusRequest();
    request.setTaskId(text(known_));
    return timed("status", request.send().ignoreResult()).then([this] { return read(); });
  }

  kj::Promise<void> make() {
    if (stopping_) return kj::READY_NOW;
    const std::string id = new_slugid();
    return timed("create", create_task(maker_->queue(), id, plan_for("bench/other", group_)))
        .then([this, id] {
          const Stopwatch clock;
          return claim_task(*maker_, id, "other").then([this, clock](auto claim) {
            latencies_["claim"].seconds.push_back(clock.seconds());
            return timed("report", claim.resolveRequest().send().ignoreResult());
          });
        })
        .then([this] { return make(); });
  }

  kj::Promise<void> timed(const char* what, kj::Promise<void> answer) {
    const Stopwatch clock;
    return answer.then([this, what, clock] {
      latencies_[what].seconds.push_back(clock.seconds());
      return timer_.afterDelay(pause);
    });
  }

  kj::Timer& timer_;
  const std::unique_ptr<client::Connection> reader_;
  const std::unique_ptr<client::Connection> maker_;
  const std::string group_;
  const std::string known_;

  bool stopping_ = false;
  std::map<std::string, Latencies> latencies_;
  kj::Promise<void> lanes_ = kj::READY_NOW;
};

/// A server with one case.
class Stage {
 public:
  Stage(kj::AsyncIoContext& io, const std::string& data_dir)
      : io_(io),
        platform_(io, data_dir),
        connection_(platform_.connect()),
        runner_connection_(platform_.connect()),
        runner_(*runner_connection_, crowd_queue, runner_capacity),
        bystanders_(io, platform_),
        group_(new_slugid()) {}

  /// So many tasks; `needs` says which of the others one needs, by their numbers.
  void create(std::size_t first,
              std::size_t count,
              const std::function<std::vector<std::size_t>(std::size_t)>& needs = {}) {
    while (ids_.size() < first + count) ids_.push_back(new_slugid());
    each(count, at_a_time, [&](std::size_t i) {
      auto plan = plan_for(crowd_queue, group_);
      if (needs) {
        for (const auto needed : needs(first + i)) plan.needs.push_back(ids_[needed]);
      }
      return create_task(connection_->queue(), ids_[first + i], plan);
    }).wait(io_.waitScope);
  }

  /// Runs all, and says how long others waited.
  void run(const char* name) {
    measure(name, [this] {
      runner_.start().wait(io_.waitScope);
      runner_.completed(ids_.size()).wait(io_.waitScope);
    });
  }

  void cancel(const char* name) {
    auto seal = connection_->queue().sealTaskGroupRequest();
    seal.setTaskGroupId(text(group_));
    seal.send().ignoreResult().wait(io_.waitScope);
    measure(name, [this] {
      auto request = connection_->queue().cancelTaskGroupRequest();
      request.setTaskGroupId(text(group_));
      const auto answer = request.send().wait(io_.waitScope);
      if (answer.getCancelledCount() != ids_.size()) fail("not all of the group were cancelled");
    });
  }

  void idle(const char* name) {
    measure(name, [this] { io_.provider->getTimer().afterDelay(idle_time).wait(io_.waitScope); });
  }

 private:
  void measure(const char* name, const std::function<void()>& work) {
    bystanders_.start();
    const Stopwatch clock;
    work();
    const double seconds = clock.seconds();
    bystanders_.stop(io_.waitScope);
    if (platform_.metric("troupe_dead_letters") > 0) fail("a message has become a dead letter");
    for (const auto& [what, latencies] : bystanders_.latencies()) {
      fmt::print(R"({{"benchmark":"stall_{}","what":"{}","unit":"ms","median":{:.2f},"p99":{:.2f},)"
                 R"("max":{:.2f},"runs":{},"tasks":{},"seconds":{:.3f}}})"
                 "\n",
                 name, what, latencies.quantile_ms(0.5), latencies.quantile_ms(0.99),
                 latencies.max_ms(), latencies.seconds.size(), ids_.size(), seconds);
    }
    std::fflush(stdout);
  }

  kj::AsyncIoContext& io_;
  Platform platform_;
  const std::unique_ptr<client::Connection> connection_;
  const std::unique_ptr<client::Connection> runner_connection_;
  Runner runner_;
  Bystanders bystanders_;
  const std::string group_;
  std::vector<std::string> ids_;
};

std::vector<std::size_t> all_below(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = i;
  return numbers;
}

void run() {
  using Numbers = std::vector<std::size_t>;
  auto io = kj::setupAsyncIo();
  const Folder folder("stalls-bench");
  const std::size_t many = number_from_environment("TROUPE_BENCH_STALLS", 10'000);
  const auto directory = [&](const char* name) { return folder.path() + "/" + name; };
  Stage(io, directory("idle")).idle("idle");
  {
    Stage stage(io, directory("chain"));
    // In order: a task may only need what is known.
    for (std::size_t i = 0; i < many / 10; ++i) {
      stage.create(i, 1, [](std::size_t n) { return n == 0 ? Numbers{} : Numbers{n - 1}; });
    }
    stage.run("chain");
  }
  {
    Stage stage(io, directory("fan_out"));
    stage.create(0, 1);
    stage.create(1, many, [](std::size_t) { return Numbers{0}; });
    stage.run("fan_out");
  }
  {
    Stage stage(io, directory("fan_in"));
    stage.create(0, many);
    stage.create(many, 1, all_below);
    stage.run("fan_in");
  }
  {
    Stage stage(io, directory("group"));
    stage.create(0, many);
    stage.run("group");
  }
  Stage stage(io, directory("group_cancel"));
  stage.create(0, many);
  stage.cancel("group_cancel");
}

}  // namespace
}  // namespace troupe::bench

int main() {
  return troupe::bench::run_main(troupe::bench::run);
}
