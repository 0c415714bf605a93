// The queue over RPC: one connection, whose calls wait side by side.
#include "bench/support/claim_stream.h"
#include "bench/support/queue_face.h"
#include "runtime/store/message.h"

#include <algorithm>
#include <utility>

namespace troupe::bench {
namespace {

constexpr const char* worker_name = "w";

class RpcFace final : public QueueFace {
 public:
  RpcFace(kj::AsyncIoContext& io, Platform& platform)
      : io_(io), connection_(platform.connect()), queue_(connection_->queue()) {}

  ~RpcFace() noexcept override {}  // NOLINT: a capability's destructor may throw

  const char* name() const override { return "rpc"; }

  void create(const TaskPlan& plan, const Ids& ids, Pace pace, Meter& meter) override {
    measure(ids.size(), pace, meter, [&](std::size_t first) {
      return pace.batch == 1 ? create_task(queue_, ids[first], plan)
                             : create_many(plan, ids, first, pace.batch);
    });
  }

  void statuses(const Ids& ids, Pace pace, Meter& meter) override {
    measure(ids.size(), pace, meter, [&](std::size_t first) -> kj::Promise<void> {
      if (pace.batch > 1) return ask_statuses(ids, first, pace.batch);
      auto request = queue_.statusRequest();
      request.setTaskId(text(ids[first]));
      return request.send().ignoreResult();
    });
  }

  void claim(const std::string& queue, std::size_t count, Pace pace, Meter& meter) override {
    open_stream(queue, pace);
    measure(count, pace, meter, [&](std::size_t first) {
      return pace.batch == 1 ? claim_work(queue)
                             : stream_->take(std::min(pace.batch, count - first));
    });
  }

  void complete(Pace pace, Meter& meter) override {
    const auto runs = std::exchange(held_, {});
    measure(runs.size(), pace, meter, [&](std::size_t first) {
      return pace.batch == 1 ? report(runs[first])
                             : stream_->resolve(part(runs, first, pace.batch));
    });
  }

  void live(const TaskPlan& plan, const Ids& ids, Pace pace, Meter& meter) override {
    open_stream(plan.queue, pace);
    measure(ids.size(), pace, meter, [&](std::size_t first) {
      if (pace.batch > 1) return live_many(plan, ids, first, pace.batch);
      return create_task(queue_, ids[first], plan)
          .then([this, &plan] { return claim_work(plan.queue); })
          .then([this] { return report_one(); });
    });
  }

  void edges(const std::string& queue,
             const std::map<std::string, std::string>& dependents,
             Pace pace,
             Meter& meter) override {
    const auto runs = std::exchange(held_, {});
    std::map<std::string, Waited> waiting;  // by dependent
    const Stopwatch clock;
    const auto on_claim = [&](const HeldRun& claim) {
      const auto found = waiting.extract(claim.task);
      if (found.empty()) fail("a claim that nobody waits for");
      meter.latencies.seconds.push_back(clock.seconds() - found.mapped().reported);
      found.mapped().came->fulfill();
    };
    const auto stream =
        ClaimStream::open(*connection_, queue, worker_name, on_claim).wait(io_.waitScope);
    const auto open_window = [&stream] { return stream->set_window(ClaimStream::window_max); };
    open_window().wait(io_.waitScope);
    meter.start();
    each((runs.size() + pace.batch - 1) / pace.batch, pace.in_flight, [&](std::size_t i) {
      const auto reported = part(runs, i * pace.batch, pace.batch);
      kj::Vector<kj::Promise<void>> ends;
      for (const auto& run : reported) {
        auto paf = kj::newPromiseAndFulfiller<void>();
        ends.add(kj::mv(paf.promise));
        waiting.emplace(dependents.at(run.task), Waited{clock.seconds(), kj::mv(paf.fulfiller)});
      }
      ends.add(pace.batch == 1 ? report(reported.front()) : stream_->resolve(reported));
      return kj::joinPromises(ends.releaseAsArray()).then(open_window);
    }).wait(io_.waitScope);
    meter.stop();
  }

 private:
  struct Waited {
    double reported = 0;
    kj::Own<kj::PromiseFulfiller<void>> came;
  };

  static std::vector<HeldRun> part(const std::vector<HeldRun>& runs,
                                   std::size_t first,
                                   std::size_t count) {
    const auto begin = runs.begin() + static_cast<std::ptrdiff_t>(first);
    return {begin, begin + static_cast<std::ptrdiff_t>(std::min(count, runs.size() - first))};
  }

  // Times the calls; `step` gets the number of the first task of each.
  void measure(std::size_t tasks,
               Pace pace,
               Meter& meter,
               const std::function<kj::Promise<void>(std::size_t)>& step) {
    const std::size_t calls = (tasks + pace.batch - 1) / pace.batch;
    meter.latencies.seconds.reserve(calls);
    meter.start();
    each(calls, pace.in_flight, [&](std::size_t i) {
      const Stopwatch clock;
      return step(i * pace.batch).then([&meter, clock] {
        meter.latencies.seconds.push_back(clock.seconds());
      });
    }).wait(io_.waitScope);
    meter.stop();
  }

  void open_stream(const std::string& queue, Pace pace) {
    if (pace.batch == 1) return;
    stream_ = ClaimStream::open(*connection_, queue, worker_name, [this](HeldRun run) {
                held_.push_back(std::move(run));
              }).wait(io_.waitScope);
  }

  kj::Promise<void> create_many(const TaskPlan& plan,
                                const Ids& ids,
                                std::size_t first,
                                std::size_t count) {
    auto request = connection_->troupe().createTasksRequest();
    auto tasks = request.initTasks(static_cast<unsigned>(std::min(count, ids.size() - first)));
    for (unsigned i = 0; i < tasks.size(); ++i) {
      tasks[i].setTaskId(text(ids[first + i]));
      fill_definition(plan, tasks[i].initTask());
    }
    return request.send().then([expected = tasks.size()](auto answer) {
      if (answer.getStatuses().size() != expected) fail("createTasks: statuses are missing");
    });
  }

  kj::Promise<void> ask_statuses(const Ids& ids, std::size_t first, std::size_t count) {
    auto request = queue_.statusesRequest();
    auto asked =
        request.initTasks().initTaskIds(static_cast<unsigned>(std::min(count, ids.size() - first)));
    for (unsigned i = 0; i < asked.size(); ++i) asked.set(i, text(ids[first + i]));
    return request.send().then([expected = asked.size()](auto answer) {
      if (answer.getStatuses().size() != expected) fail("statuses: some are missing");
    });
  }

  kj::Promise<void> claim_work(const std::string& queue) {
    auto request = queue_.claimWorkRequest();
    request.setTaskQueueId(text(queue));
    auto work = request.initRequest();
    work.setWorkerGroup("bench");
    work.setWorkerId(worker_name);
    work.setTasks(1);
    return request.send().then([this](auto answer) {
      if (answer.getTasks().size() != 1) fail("claimWork: no task");
      const auto claim = answer.getTasks()[0];
      held_.push_back({str(claim.getStatus().getTaskId()), claim.getRunId(), 0});
    });
  }

  kj::Promise<void> report(const HeldRun& run) {
    auto request = queue_.reportCompletedRequest();
    request.setTaskId(text(run.task));
    request.setRunId(run.run);
    return request.send().ignoreResult();
  }

  kj::Promise<void> report_one() {
    const HeldRun run = held_.back();
    held_.pop_back();
    return report(run);
  }

  kj::Promise<void> live_many(const TaskPlan& plan,
                              const Ids& ids,
                              std::size_t first,
                              std::size_t count) {
    return create_many(plan, ids, first, count)
        .then([this, taken = std::min(count, ids.size() - first)] { return stream_->take(taken); })
        .then([this] { return stream_->resolve(std::exchange(held_, {})); });
  }

  kj::AsyncIoContext& io_;
  const std::unique_ptr<client::Connection> connection_;
  schema::Queue::Client queue_;
  std::unique_ptr<ClaimStream> stream_;  // of batches
  std::vector<HeldRun> held_;
};

}  // namespace

std::unique_ptr<QueueFace> make_rpc_face(kj::AsyncIoContext& io, Platform& platform) {
  return std::make_unique<RpcFace>(io, platform);
}

}  // namespace troupe::bench
