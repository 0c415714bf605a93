#include "apps/troupe/worker/session.h"

#include "tests/apps/worker/stage.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

namespace troupe::worker {
namespace {

using schema::Outcome;
using schema::ReasonResolved;

bool nothing_left(const std::string& folder) {
  return std::filesystem::is_empty(std::filesystem::path(folder));
}

TEST_CASE("a task runs from its claim to its outcome", "[worker][session]") {
  test::Stage s;
  s.start();
  auto& run = s.run_to_end({test::shell(
      "echo hello; echo $TASK_ID $RUN_ID $A; test $HOME = $TASK_WORKDIR; pwd; echo out > x.txt",
      R"("env":{"A":"b c"},"artifacts":[{"type":"file","path":"x.txt","name":"public/x.txt"}])")});
  CHECK(run.outcome->outcome == Outcome::COMPLETED);
  CHECK(run.outcome->reason == ReasonResolved::NONE);
  CHECK_THAT(run.log, Catch::Contains("] Worker Type (local/default) settings:\n"));
  CHECK_THAT(run.log, Catch::Contains("] Task ID: " + run.task_id + "\n"));
  CHECK_THAT(run.log, Catch::Contains("] === Task Starting ===\n"));
  CHECK_THAT(run.log, Catch::Contains("] Executing command 0: /bin/sh -ec 'echo hello;"));
  CHECK_THAT(run.log, Catch::Contains("\nhello\n" + run.task_id + " 0 b c\n"));
  CHECK_THAT(run.log, Catch::Contains("]    Exit Code: 0\n"));
  CHECK_THAT(run.log, Catch::Contains("]       Result: SUCCEEDED\n"));
  CHECK_THAT(run.log, Catch::Contains("] === Task Finished ===\n"));
  CHECK(run.artifacts.at("public/x.txt").bytes == "out\n");
  CHECK(run.artifacts.at("public/x.txt").content_type == "text/plain");
  CHECK(s.stop() == 0);
  CHECK(s.server.left);
  CHECK(nothing_left(s.f.work_dir.tasks()));
  CHECK(nothing_left(s.f.work_dir.path() + "/logs"));
  CHECK(nothing_left(s.f.work_dir.path() + "/guards"));
}

TEST_CASE("how a task ends decides its outcome", "[worker][session]") {
  struct Case {
    std::string payload;
    Outcome outcome;
    ReasonResolved reason;
    std::string log;
  };
  const auto c = GENERATE(values<Case>({
      {test::shell("exit 3"), Outcome::FAILED, ReasonResolved::NONE,
       "[taskcluster:error] exit status 3\n"},
      {test::shell("exit 75", R"("onExitStatus":{"retry":[75]})"), Outcome::EXCEPTION,
       ReasonResolved::INTERMITTENT_TASK, "exit code 75 found"},
      {R"({"command":[["/no/such"]],"maxRunTime":5})", Outcome::FAILED, ReasonResolved::NONE,
       "Cannot execute `/no/such`: No such file or directory"},
      {R"({"command":[["true"]],"maxRunTime":5,"image":"x"})", Outcome::EXCEPTION,
       ReasonResolved::MALFORMED_PAYLOAD, "payload.image: is not known to this worker"},
      {R"({"command":[["sh","-c","echo one; exit 4"],["echo","two"]],"maxRunTime":5})",
       Outcome::FAILED, ReasonResolved::NONE, "Result: FAILED"},
      {R"({"command":[["sleep","1000"]],"maxRunTime":1})", Outcome::FAILED, ReasonResolved::NONE,
       "task aborted - max run time exceeded"},
      {test::shell("true", R"("artifacts":[{"type":"file","path":"none"}])"), Outcome::FAILED,
       ReasonResolved::NONE, "file-missing-on-worker"},
      {test::shell("true", R"("artifacts":[{"type":"file","path":"none","optional":true}])"),
       Outcome::COMPLETED, ReasonResolved::NONE, "Optional artifact none"},
      {test::shell("true", R"("mounts":[{"file":"../x","content":{"raw":"y"}}])"), Outcome::FAILED,
       ReasonResolved::NONE, "[taskcluster:error] [mounts] mount 0 at `../x`"},
  }));
  INFO(c.payload);
  test::Stage s;
  s.start();
  auto& run = s.run_to_end({c.payload});
  INFO(run.log);
  CHECK(run.outcome->outcome == c.outcome);
  CHECK(run.outcome->reason == c.reason);
  CHECK_THAT(run.log, Catch::Contains(c.log));
  CHECK_THAT(run.log, !Catch::Contains("\ntwo\n"));
  CHECK(s.stop() == 0);
}

// The lines that `seq 1 COUNT` prints.
std::string numbers(int count) {
  std::string out;
  for (int i = 1; i <= count; ++i) out += std::to_string(i) + "\n";
  return out;
}

TEST_CASE("a lost connection loses nothing of a task", "[worker][session]") {
  test::Stage s;
  const std::string gate = s.f.dir / "gate";
  REQUIRE(mkfifo(gate.c_str(), 0600) == 0);
  s.start();
  auto& run =
      s.server.add({test::shell("seq 1 20000; echo half; read x < " + gate + "; seq 1 20000")});
  s.until([&run] { return run.log.find("half\n") != std::string::npos; });

  SECTION("when the server kept all it had") {
    s.server.drop();
  }
  SECTION("when the server lost a part of the log") {
    s.server.drop();
    run.log.resize(run.log.size() / 2);
  }
  SECTION("when it breaks off again and again") {
    for (int i = 0; i < 3; ++i) {
      const int registrations = s.server.registrations;
      s.server.drop();
      s.until([&] { return s.server.registrations > registrations; });
    }
  }
  SECTION("when a part of the log is refused, which breaks the capability") {
    s.server.refuse_log_at = run.log.size() + 1;
    s.server.refuse_log_with = GENERATE(Errc::internal, Errc::unavailable, Errc::invalid);
  }

  test::write_file(gate, "go\n");
  s.until([&run] { return run.outcome.has_value(); });
  CHECK(run.outcome->outcome == Outcome::COMPLETED);
  CHECK(run.outcomes == 1);
  const auto begin = run.log.find("\n1\n") + 1;
  const std::string wanted = numbers(20'000) + "half\n" + numbers(20'000) + "[taskcluster ";
  CHECK(run.log.compare(begin, wanted.size(), wanted) == 0);
  CHECK(s.stop() == 0);
}

TEST_CASE("an outcome whose answer is lost is sent again and taken once", "[worker][session]") {
  test::Stage s;
  s.server.lose_answer_of_resolve = true;
  s.start();
  auto& run = s.server.add({test::shell("echo hi")});
  s.until([&] { return run.outcome && s.server.registrations == 2 && s.server.window == 1; });
  CHECK(run.outcomes == 1);
  // There is room again: the worker has forgotten the run.
  CHECK(s.run_to_end({test::shell("true")}).outcome->outcome == Outcome::COMPLETED);
  CHECK(s.stop() == 0);
}

TEST_CASE("a run that is somebody else's is killed and not reported", "[worker][session]") {
  test::Stage s;
  s.start();
  const std::string mark = s.f.dir / "pid";
  auto& run = s.server.add({test::shell("echo $$ > " + mark + "; echo started; exec sleep 1000")});
  s.until([&run] { return run.log.find("started\n") != std::string::npos; });
  const auto process = identify(std::stoi(test::read_file(mark)));
  REQUIRE(process.has_value());

  SECTION("when it is revoked") {
    s.server.revoke(run);
  }
  SECTION("when the next registration says so") {
    run.lost = true;
    s.server.drop();
  }
  s.until([&] { return s.server.window == 1; });
  CHECK(!is_alive(*process));
  CHECK(!run.outcome.has_value());
  CHECK(s.stop() == 0);
}

TEST_CASE("a claim is renewed before it ends", "[worker][session]") {
  test::Stage s;
  s.server.claim_time = Duration{400};
  s.start();
  auto& run = s.server.add({test::shell("exec sleep 1000")});
  s.until([&run] { return run.reclaims >= 2; });
  SECTION("and the task killed if that is refused") {
    run.lost = true;
    s.until([&] { return s.server.window == 1; });
    CHECK(!run.outcome.has_value());
  }
  CHECK(s.stop() == 0);
}

TEST_CASE("a stop ends running tasks as worker-shutdown", "[worker][session]") {
  test::Stage s(2);
  s.start();
  auto& quick =
      s.server.add({test::shell("trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait")});
  auto& deaf = s.server.add({test::shell("trap '' TERM; echo up; while :; do sleep 1000; done")});
  s.until([&] {
    return quick.log.find("\nup\n") != std::string::npos &&
           deaf.log.find("\nup\n") != std::string::npos;
  });
  CHECK(s.stop() == 0);
  for (const auto* run : {&quick, &deaf}) {
    REQUIRE(run->outcome.has_value());
    CHECK(run->outcome->outcome == Outcome::EXCEPTION);
    CHECK(run->outcome->reason == ReasonResolved::WORKER_SHUTDOWN);
  }
  CHECK_THAT(quick.log, Catch::Contains("\nbye\n"));
  CHECK_THAT(quick.log, Catch::Contains("Command ABORTED after"));
  CHECK(s.server.left);
}

TEST_CASE("no more tasks run at once than the worker has room for", "[worker][session]") {
  test::Stage s(2);
  const std::string gate = s.f.dir / "gate";
  REQUIRE(mkfifo(gate.c_str(), 0600) == 0);
  s.start();
  s.until([&] { return s.server.window == 2; });
  std::vector<test::FakeRun*> runs;
  for (int i = 0; i < 4; ++i)
    runs.push_back(&s.server.add({test::shell("echo up; read x < " + gate)}));
  const auto up = [&runs] {
    return std::count_if(runs.begin(), runs.end(), [](const test::FakeRun* run) {
      return run->log.find("\nup\n") != std::string::npos;
    });
  };
  s.until([&] { return up() == 2; });
  CHECK(s.server.window == 0);
  CHECK(s.server.pause.empty());  // full, which is no pause
  CHECK(!runs[2]->pushed);
  test::write_file(gate, "1\n");
  s.until([&] { return up() >= 3; });
  CHECK(s.stop() == 0);
}

TEST_CASE("a log that is too long is cut and still reported", "[worker][session]") {
  test::Stage s;
  s.f.options.max_log_bytes = 5'000;
  s.start();
  auto& run = s.run_to_end({test::shell("seq 1 100000")});
  CHECK(run.outcome->outcome == Outcome::COMPLETED);
  CHECK(run.log.size() < 10'000);
  CHECK_THAT(run.log, Catch::Contains("limit of 5000 bytes"));
  CHECK_THAT(run.log, Catch::Contains("=== Task Finished ==="));
  CHECK(s.stop() == 0);
}

TEST_CASE("a worker without room on its disk takes no tasks", "[worker][session]") {
  test::Stage s;
  s.f.options.min_free_disk_bytes = ~std::uint64_t{0};
  s.server.window = 99;
  s.start();
  s.until([&] { return s.server.registrations == 1 && s.server.window == 0; });
  CHECK_THAT(s.server.pause, Catch::StartsWith("disk: "));
  CHECK_THAT(s.server.pause,
             Catch::EndsWith(" free of 16777216.0 TiB wanted in " + s.f.work_dir.path()));
  CHECK(s.stop() == 0);
}

TEST_CASE("a worker tells anew of a pause that goes on, and no more of one that ended",
          "[worker][session]") {
  test::Stage s;
  s.f.options.min_free_disk_bytes = ~std::uint64_t{0};
  s.start();
  s.until([&] { return !s.server.pause.empty(); });
  s.server.pause.clear();
  s.server.drop();
  s.until([&] { return s.server.registrations == 2 && !s.server.pause.empty(); });
  s.f.options.min_free_disk_bytes = 0;
  s.server.drop();
  s.until([&] { return s.server.registrations == 3 && s.server.window > 0; });
  CHECK(s.server.pause.empty());
  CHECK(s.stop() == 0);
}

TEST_CASE("a worker whose name is taken stops its tasks and ends", "[worker][session]") {
  test::Stage s;
  s.start();
  auto& run = s.server.add({test::shell("echo up; exec sleep 1000")});
  s.until([&run] { return run.log.find("\nup\n") != std::string::npos; });
  s.server.displace();
  CHECK(s.f.shop.timer.timeoutAfter(30 * kj::SECONDS, kj::mv(s.exit)).wait(s.f.io.waitScope) == 1);
  CHECK(s.dials == 1);
  CHECK_FALSE(run.outcome);
  CHECK(nothing_left(s.f.work_dir.path() + "/guards"));
}

TEST_CASE("a worker ends by itself when nobody wants it", "[worker][session]") {
  test::Stage s;
  const auto status = [&s] {
    s.start();
    return s.f.shop.timer.timeoutAfter(30 * kj::SECONDS, kj::mv(s.exit)).wait(s.f.io.waitScope);
  };
  SECTION("3 when its credentials are refused") {
    s.server.refuse_registration = Error{Errc::forbidden, "not for this pool"};
    CHECK(status() == 3);
  }
  SECTION("2 when it says what no server takes") {
    s.server.refuse_registration = Error{Errc::invalid, "capacity"};
    CHECK(status() == 2);
  }
  SECTION("1 when another process has its name") {
    s.server.refuse_window = Error{Errc::conflict, "another process has registered"};
    CHECK(status() == 1);
    CHECK(s.dials == 1);
  }
  SECTION("0 when there is no server for too long") {
    s.f.options.orphan_timeout = Duration{200};
    s.server.refuse_registration = Error{Errc::unavailable, "starting"};
    CHECK(status() == 0);
    CHECK(s.dials > 1);
  }
}

}  // namespace
}  // namespace troupe::worker
