// What `last` means after a group was made.
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

TEST_CASE("what was made on another platform is not the last here", "[resolve]") {
  Stage stage;
  remember_last("/another/platform", NameKind::task, new_slugid());
  REQUIRE_FALSE(stage.last_task().ok());
  CHECK(stage.last_task().error().detail.find(stage.home) != std::string::npos);
}
