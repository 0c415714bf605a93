// What `last` means after a group was made, and which worker or queue a name means.
#include "apps/troupe/cli/resolve.h"

#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/session.h"
#include "runtime/base/random.h"
#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;
using schema::TaskState;

namespace {

struct Member {
  std::string id;
  TaskState state;
  std::int64_t time;  // when it started, or has ended
  std::string queue = "local/default";
};

// A platform of its own, and a home for what the program remembers.
struct Stage {
  Stage() {
    setenv("XDG_STATE_HOME", home.c_str(), 1);
    fake.target.platform = home;
    fake.script.list_task_group = [this](auto context) -> kj::Promise<void> {
      auto list = context.getResults().initTasks(static_cast<kj::uint>(members.size()));
      for (kj::uint i = 0; i < list.size(); ++i) {
        auto status = list[i].initStatus();
        status.setTaskId(members[i].id);
        status.setTaskQueueId(members[i].queue);
        status.setState(members[i].state);
        if (members[i].state == TaskState::UNSCHEDULED) continue;
        auto run = status.initRuns(1)[0];
        run.setStarted(members[i].time);
        run.setResolved(members[i].time);
      }
      return kj::READY_NOW;
    };
    fake.script.find_ids = [this](auto context) -> kj::Promise<void> {
      asked += 1;
      if (may_find) {
        const std::string id = context.getParams().getPrefix().cStr();
        if (id == known) context.getResults().initTaskIds(1).set(0, id);
        return kj::READY_NOW;
      }
      return exception_from({Errc::forbidden, "not yours"});
    };
    fake.start();
    connection = client::connect(*io.provider, fake.target).wait(io.waitScope);
  }
  ~Stage() {
    unsetenv("XDG_STATE_HOME");
    std::filesystem::remove_all(home);
  }

  Result<std::string> last_task() {
    Session session(io, *connection, fake.target);
    return resolve_task(session, "last");
  }

  const std::string home =
      (std::filesystem::temp_directory_path() / ("troupe-home-" + new_slugid())).string();
  kj::AsyncIoContext io = kj::setupAsyncIo();
  FakeServer fake{io};
  std::unique_ptr<client::Connection> connection;
  std::vector<Member> members;
  std::string known;  // a task
  bool may_find = true;
  int asked = 0;
};

}  // namespace

TEST_CASE("after a group, the last task is the one that says most", "[resolve]") {
  Stage stage;
  const std::string group = new_slugid();
  remember_last(stage.home, NameKind::task, new_slugid());
  remember_last(stage.home, NameKind::group, group);
  const std::string wanted = new_slugid();
  stage.members = {{new_slugid(), TaskState::UNSCHEDULED, 0},
                   {new_slugid(), TaskState::COMPLETED, 90, "troupe/upload"}};
  SECTION("none has run") {
    REQUIRE_FALSE(stage.last_task().ok());
    CHECK(stage.last_task().error().code == Errc::not_found);
    CHECK(stage.last_task().error().detail.find(group) != std::string::npos);
    return;
  }
  SECTION("the first that runs") {
    stage.members.push_back({new_slugid(), TaskState::RUNNING, 20});
    stage.members.push_back({wanted, TaskState::RUNNING, 10});
  }
  SECTION("rather the last that ended") {
    stage.members.push_back({new_slugid(), TaskState::RUNNING, 20});
    stage.members.push_back({new_slugid(), TaskState::COMPLETED, 30});
    stage.members.push_back({wanted, TaskState::COMPLETED, 40});
  }
  SECTION("rather the first that failed") {
    stage.members.push_back({new_slugid(), TaskState::COMPLETED, 5});
    stage.members.push_back({wanted, TaskState::EXCEPTION, 50});
    stage.members.push_back({new_slugid(), TaskState::FAILED, 60});
  }
  CHECK(stage.last_task().value() == wanted);
}

TEST_CASE("a task that is newer than the group is the last", "[resolve]") {
  Stage stage;
  const std::string wanted = new_slugid();
  remember_last(stage.home, NameKind::group, new_slugid());
  remember_last(stage.home, NameKind::task, wanted);
  remember_last("/another/platform", NameKind::task, new_slugid());
  CHECK(stage.last_task().value() == wanted);
}

TEST_CASE("what was made here by another address is the last, too", "[resolve]") {
  Stage stage;
  remember_last(stage.home, NameKind::task, new_slugid());
  stage.known = new_slugid();
  remember_last("127.0.0.1:7421", NameKind::task, stage.known);
  CHECK(stage.last_task().value() == stage.known);
}

TEST_CASE("of what was made elsewhere only the newest is asked about", "[resolve]") {
  Stage stage;
  const std::string wanted = new_slugid();
  remember_last(stage.home, NameKind::task, wanted);
  for (int i = 0; i < 20; ++i) {
    remember_last("/platform/" + std::to_string(i), NameKind::task, new_slugid());
  }
  CHECK(stage.last_task().value() == wanted);
  CHECK(stage.asked == 8);
}

TEST_CASE("what was made on another platform is not the last here", "[resolve]") {
  Stage stage;
  stage.may_find = GENERATE(true, false);
  remember_last("/another/platform", NameKind::task, new_slugid());
  REQUIRE_FALSE(stage.last_task().ok());
  CHECK(stage.last_task().error().detail.find(stage.home) != std::string::npos);
}

namespace {

// Workers `g/0`, `g/1`, ... of local/default, listed one a page.
void list_one_by_one(Stage& stage, int count) {
  stage.fake.script.list_workers = [count](auto context) -> kj::Promise<void> {
    const std::string token = context.getParams().getContinuationToken().cStr();
    const int place = token.empty() ? 0 : std::stoi(token);
    auto worker = context.getResults().initWorkers(1)[0];
    worker.setTaskQueueId("local/default");
    worker.setWorkerGroup("g");
    worker.setWorkerId(std::to_string(place));
    if (place + 1 < count) context.getResults().setContinuationToken(std::to_string(place + 1));
    return kj::READY_NOW;
  };
}

}  // namespace

TEST_CASE("a worker is found on whatever page of the list it is", "[resolve]") {
  Stage stage;
  list_one_by_one(stage, 3);
  Session session(stage.io, *stage.connection, stage.fake.target);
  const std::string name = GENERATE(as<std::string>(), "2", "g/2", "local/default/g/2");
  CHECK(resolve_worker(session, name).value() == "local/default/g/2");
  CHECK(resolve_worker(session, "g/3").error().code == Errc::not_found);
}

TEST_CASE("whether a pair is a queue is asked of that one alone", "[resolve]") {
  Stage stage;
  list_one_by_one(stage, 3);
  std::vector<std::string> asked;
  stage.fake.script.list_queues = [&asked](auto context) -> kj::Promise<void> {
    asked.emplace_back(context.getParams().getTaskQueueId().cStr());
    if (asked.back() == "some/queue") {
      context.getResults().initQueues(1)[0].setTaskQueueId("some/queue");
    }
    return kj::READY_NOW;
  };
  Session session(stage.io, *stage.connection, stage.fake.target);
  CHECK(resolve_subject(session, "some/queue").value() == "some/queue");
  CHECK(resolve_subject(session, "g/2").value() == "local/default/g/2");
  CHECK(asked == std::vector<std::string>{"some/queue", "g/2"});
}
