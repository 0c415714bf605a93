#include "bench/support/filler.h"

#include "actors/auth/client_actor.h"
#include "actors/blobs/collector.h"
#include "actors/kinds.h"
#include "actors/task/definition.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/worker_actor.h"
#include "apps/troupe/server/store_paths.h"
#include "bench/support/platform.h"
#include "runtime/actor/host.h"
#include "runtime/base/random.h"
#include "runtime/clock/stopwatch.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace troupe::bench {
namespace {

constexpr std::size_t in_flight = 4'096;

// Counts the answers.
class Answers final : public ReplySink {
 public:
  void take(std::vector<Reply> replies) override {
    const std::lock_guard lock(mutex_);
    for (const auto& reply : replies) {
      if (!reply.body.ok()) fail(reply.body.error().detail);
    }
    count_ += replies.size();
    changed_.notify_one();
  }

  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

std::unique_ptr<Host> start_host(const Clock& clock, const std::string& data_dir) {
  HostOptions options;
  options.store.directory = server::store_dir(data_dir);
  options.store.sync = false;
  options.kinds = {task::kind({}),   task_group::kind({}), task_queue::kind({}),
                   worker::kind({}), auth::client_kind(),  blobs::kind({})};
  options.actors_max = 2 * in_flight;
  HostHooks hooks;
  hooks.fatal = fail;
  hooks.report = [](const std::string& kind, const std::string& event, const std::string&,
                    const std::string& detail) {
    if (kind != "store") fail(event + ": " + detail);
  };
  auto host = Host::start(clock, std::move(options), std::move(hooks));
  if (!host.ok()) fail(host.error().detail);
  return std::move(host).value();
}

Bytes create_command(const std::string& id, const TaskPlan& plan) {
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto definition = m.initCreate().initDefinition();
    fill_definition(plan, definition);
    if (!task::normalise(id, definition).empty()) fail("the definition is not accepted");
  });
}

}  // namespace

double fill_store(const std::string& data_dir, const FillPlan& plan) {
  // Time passes as it does, from another beginning.
  ManualClock clock(plan.now);
  const Stopwatch stopwatch;
  auto passed = Duration{0};
  const auto host = start_host(clock, data_dir);
  Answers answers;
  const auto edge = host->add_edge(answers);
  TaskPlan task{"", "", {}, plan.now, plan.deadline};
  for (std::size_t i = 0; i < plan.tasks; ++i) {
    if (i >= in_flight) answers.wait_for(i - in_flight + 1);
    const Duration now{static_cast<std::int64_t>(stopwatch.seconds() * 1e3)};
    if (now > passed) clock.advance(now - std::exchange(passed, now));
    const std::string id = new_slugid();
    task.queue = "bench/q" + std::to_string(i % plan.queues);
    if (i % plan.tasks_a_group == 0) task.group = id;
    host->ask(task_id(id), create_command(id, task), {edge, i + 1}, Admission::creation);
  }
  answers.wait_for(plan.tasks);
  host->remove_edge(edge);
  return static_cast<double>(plan.tasks) / stopwatch.seconds();
}

}  // namespace troupe::bench
