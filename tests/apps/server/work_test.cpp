// Who waits for work over HTTP, and what becomes of claims that nobody is left for.
#include "actors/task/queries.h"
#include "apps/troupe/server/queue/service.h"
#include "runtime/api/local_context.h"
#include "tests/apps/server/staged_site.h"

#include <memory>
#include <thread>

using namespace troupe;
using namespace troupe::server;

namespace {

const WorkerKey worker{"local/idle", "g", "w"};
const std::string task_name = "D-task---------1000000";

/// Somebody who may do everything.
class Anybody final : public api::Caller {
 public:
  const api::Credentials& credentials() override { return credentials_; }
  std::vector<std::string> roles_granting(std::string_view) override { return {}; }

 private:
  const api::Credentials credentials_{"tester", ScopeSet::of({"*"}), Instant{}, false};
};

struct Stage : StagedSite {
  kj::Promise<void> edge_runs = edge.run().eagerlyEvaluate(nullptr);

  template <class T>
  void wait_for(kj::Promise<T>& promise) {
    while (!promise.poll(scope)) std::this_thread::yield();
  }

  std::vector<test::State> runs() {
    const auto snapshot = host.host().snapshot();
    std::vector<test::State> states;
    auto task = task::find_task(*snapshot, task_name);
    if (!task) return states;
    for (const auto run : task->row().getRuns()) states.push_back(run.getState());
    return states;
  }

  WorkRequest request() const { return {worker, 1, "", timer.now() + 20 * kj::SECONDS, nullptr}; }
};

using RunStates = std::vector<test::State>;

}  // namespace

TEST_CASE("claims that nobody takes are given back", "[claimWork]") {
  Stage stage;
  auto work = wait_for_work(stage.site, stage.request());
  stage.create(1);
  stage.wait_for(work);
  REQUIRE(stage.runs() == RunStates{test::State::RUNNING});
  SECTION("as soon as their call has gone") {
    { const auto dropped = kj::mv(work); }
    stage.host.ask(task_id(task_name), test::change_priority(test::Priority::HIGH));
    CHECK(stage.runs() == RunStates{test::State::EXCEPTION, test::State::PENDING});
  }
  SECTION("but for those that somebody has") {
    {
      auto found = work.wait(stage.scope);
      CHECK(found.claims().size() == 1);
      found.take();
    }
    stage.host.ask(task_id(task_name), test::change_priority(test::Priority::HIGH));
    CHECK(stage.runs() == RunStates{test::State::RUNNING});
  }
}

TEST_CASE("who waits for work is answered when the server stops", "[claimWork]") {
  Stage stage;
  SECTION("with nothing") {
    auto work = wait_for_work(stage.site, stage.request());
    CHECK_FALSE(work.poll(stage.scope));
    stage.site.stopping->begin();
    stage.wait_for(work);
    CHECK(work.wait(stage.scope).claims().empty());
  }
  SECTION("with what there is") {
    stage.create(1);
    stage.site.stopping->begin();
    auto work = wait_for_work(stage.site, stage.request());
    stage.wait_for(work);
    CHECK(work.wait(stage.scope).claims().size() == 1);
  }
}

TEST_CASE("a stop waits until those who wait are answered", "[claimWork]") {
  Stage stage;
  auto& stopping = *stage.site.stopping;
  auto waiter = std::make_unique<Stopping::Waiter>(stopping);
  auto begins = stopping.begins();
  CHECK_FALSE(begins.poll(stage.scope));
  stopping.begin();
  CHECK(begins.poll(stage.scope));
  CHECK(stopping.begins().poll(stage.scope));
  auto answered = stopping.answered();
  CHECK_FALSE(answered.poll(stage.scope));
  waiter.reset();
  CHECK(answered.poll(stage.scope));
}

TEST_CASE("a claimWork that waits on still knows when its peer goes", "[claimWork]") {
  Stage stage;
  const api::Service service = api::read_service(capnp::Schema::from<schema::Queue>());
  const api::Method& method = *service.find("claimWork");
  Anybody caller;
  api::HttpExchange http;
  int asked = 0;
  auto gone = kj::newPromiseAndFulfiller<void>();
  http.peer_gone = [&]() -> kj::Promise<void> {
    if (++asked > 1) return kj::NEVER_DONE;
    return kj::mv(gone.promise);
  };
  api::Call call(method, caller, &http);
  auto context = kj::refcounted<api::LocalContext>(method);
  auto params = context->params().as<schema::Queue::ClaimWorkParams>();
  params.setTaskQueueId("local/idle");
  params.getRequest().setWorkerGroup("g");
  params.getRequest().setWorkerId("w");
  params.getRequest().setTasks(1);
  auto answered = api::serve_call(
      call, [&stage](api::Call& c) { return serve_queue(stage.site, c); }, context->context());
  CHECK_FALSE(answered.poll(stage.scope));

  // The run is claimed for it, and ends before it hears of that.
  stage.create(1);
  stage.host.wait_until([&] { return stage.runs() == RunStates{test::State::RUNNING}; });
  stage.host.ask(task_id(task_name), test::cancel());
  // What the queue answers from now on comes behind its answer to the claimWork.
  stage.host.ask(task_queue_id("local/idle"), test::await({"g/other", 2, 0}));
  CHECK_FALSE(answered.poll(stage.scope));
  gone.fulfiller->fulfill();
  stage.wait_for(answered);
  answered.wait(stage.scope);
  CHECK(asked == 1);
}
