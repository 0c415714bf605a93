#include "apps/troupe/worker/session.h"

#include "tests/apps/worker/archive_builder.h"
#include "tests/apps/worker/fake_server.h"
#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace troupe::worker {
namespace {

using schema::Outcome;
using schema::ReasonResolved;

const std::string other_task = "fN1SbArXTPSVFNUvaOlinQ";

// A worker on a fake server. Every wait ends with a failure rather than never.
struct Stage {
  explicit Stage(std::uint32_t capacity = 1) { f.options.capacity = capacity; }

  void start() {
    session.emplace(f.shop, [this]() -> kj::Promise<std::unique_ptr<client::Connection>> {
      ++dials;
      return server.connect();
    });
    exit = session->run();
  }

  void until(std::function<bool()> condition) {
    f.shop.timer.timeoutAfter(30 * kj::SECONDS, server.until(std::move(condition)))
        .wait(f.io.waitScope);
  }

  test::FakeRun& run_to_end(test::FakeTask task) {
    auto& run = server.add(std::move(task));
    until([&run] { return run.outcome.has_value(); });
    return run;
  }

  int stop() {
    session->stop();
    return f.shop.timer.timeoutAfter(30 * kj::SECONDS, kj::mv(exit)).wait(f.io.waitScope);
  }

  test::Fixture f;
  test::FakeServer server;
  std::optional<Session> session;
  kj::Promise<int> exit = kj::NEVER_DONE;
  int dials = 0;
};

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// A payload of one shell command.
std::string shell(const std::string& script, const std::string& rest = "") {
  return fmt::format(R"({{"command":[["/bin/sh","-ec",{}]],"maxRunTime":600{}}})",
                     json_text(script), rest.empty() ? "" : "," + rest);
}

bool nothing_left(const std::string& folder) {
  return std::filesystem::is_empty(std::filesystem::path(folder));
}

TEST_CASE("a task runs from its claim to its outcome", "[worker][session]") {
  Stage s;
  s.start();
  auto& run = s.run_to_end({shell(
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
      {shell("exit 3"), Outcome::FAILED, ReasonResolved::NONE,
       "[taskcluster:error] exit status 3\n"},
      {shell("exit 75", R"("onExitStatus":{"retry":[75]})"), Outcome::EXCEPTION,
       ReasonResolved::INTERMITTENT_TASK, "exit code 75 found"},
      {R"({"command":[["/no/such"]],"maxRunTime":5})", Outcome::FAILED, ReasonResolved::NONE,
       "Cannot execute `/no/such`: No such file or directory"},
      {R"({"command":[["true"]],"maxRunTime":5,"image":"x"})", Outcome::EXCEPTION,
       ReasonResolved::MALFORMED_PAYLOAD, "payload.image: is not known to this worker"},
      {R"({"command":[["sh","-c","echo one; exit 4"],["echo","two"]],"maxRunTime":5})",
       Outcome::FAILED, ReasonResolved::NONE, "Result: FAILED"},
      {R"({"command":[["sleep","1000"]],"maxRunTime":1})", Outcome::FAILED, ReasonResolved::NONE,
       "task aborted - max run time exceeded"},
      {shell("true", R"("artifacts":[{"type":"file","path":"none"}])"), Outcome::FAILED,
       ReasonResolved::NONE, "file-missing-on-worker"},
      {shell("true", R"("artifacts":[{"type":"file","path":"none","optional":true}])"),
       Outcome::COMPLETED, ReasonResolved::NONE, "Optional artifact none"},
      {shell("true", R"("mounts":[{"file":"../x","content":{"raw":"y"}}])"), Outcome::FAILED,
       ReasonResolved::NONE, "[taskcluster:error] [mounts] mount 0 at `../x`"},
  }));
  INFO(c.payload);
  Stage s;
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
  Stage s;
  const std::string gate = s.f.dir / "gate";
  REQUIRE(mkfifo(gate.c_str(), 0600) == 0);
  s.start();
  auto& run = s.server.add({shell("seq 1 20000; echo half; read x < " + gate + "; seq 1 20000")});
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
  Stage s;
  s.server.lose_answer_of_resolve = true;
  s.start();
  auto& run = s.server.add({shell("echo hi")});
  s.until([&] { return run.outcome && s.server.registrations == 2 && s.server.window == 1; });
  CHECK(run.outcomes == 1);
  // There is room again: the worker has forgotten the run.
  CHECK(s.run_to_end({shell("true")}).outcome->outcome == Outcome::COMPLETED);
  CHECK(s.stop() == 0);
}

TEST_CASE("a run that is somebody else's is killed and not reported", "[worker][session]") {
  Stage s;
  s.start();
  const std::string mark = s.f.dir / "pid";
  auto& run = s.server.add({shell("echo $$ > " + mark + "; echo started; exec sleep 1000")});
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
  Stage s;
  s.server.claim_time = Duration{400};
  s.start();
  auto& run = s.server.add({shell("exec sleep 1000")});
  s.until([&run] { return run.reclaims >= 2; });
  SECTION("and the task killed if that is refused") {
    run.lost = true;
    s.until([&] { return s.server.window == 1; });
    CHECK(!run.outcome.has_value());
  }
  CHECK(s.stop() == 0);
}

TEST_CASE("a stop ends running tasks as worker-shutdown", "[worker][session]") {
  Stage s(2);
  s.start();
  auto& quick = s.server.add({shell("trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait")});
  auto& deaf = s.server.add({shell("trap '' TERM; echo up; while :; do sleep 1000; done")});
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
  Stage s(2);
  const std::string gate = s.f.dir / "gate";
  REQUIRE(mkfifo(gate.c_str(), 0600) == 0);
  s.start();
  s.until([&] { return s.server.window == 2; });
  std::vector<test::FakeRun*> runs;
  for (int i = 0; i < 4; ++i) runs.push_back(&s.server.add({shell("echo up; read x < " + gate)}));
  const auto up = [&runs] {
    return std::count_if(runs.begin(), runs.end(), [](const test::FakeRun* run) {
      return run->log.find("\nup\n") != std::string::npos;
    });
  };
  s.until([&] { return up() == 2; });
  CHECK(s.server.window == 0);
  CHECK(!runs[2]->pushed);
  test::write_file(gate, "1\n");
  s.until([&] { return up() >= 3; });
  CHECK(s.stop() == 0);
}

TEST_CASE("artifacts survive a connection that breaks in the middle", "[worker][session]") {
  Stage s;
  s.server.break_upload_at = 1'000'000;
  s.start();
  auto& run = s.run_to_end(
      {shell("mkdir d; head -c 3000000 /dev/zero > d/big; echo a > d/a; echo a > d/b; : > d/empty",
             R"("artifacts":[{"type":"directory","path":"d","name":"public/d"}])")});
  CHECK(run.outcome->outcome == Outcome::COMPLETED);
  CHECK(s.server.registrations == 2);
  CHECK(run.artifacts.size() == 4);
  CHECK(run.artifacts.at("public/d/big").bytes == std::string(3'000'000, '\0'));
  CHECK(run.artifacts.at("public/d/b").bytes == "a\n");
  CHECK(run.artifacts.at("public/d/empty").bytes.empty());
  CHECK(s.stop() == 0);
}

TEST_CASE("other names of the log lead to the log", "[worker][session]") {
  Stage s;
  s.start();
  auto& run =
      s.run_to_end({shell("echo x > log; exit 1",
                          R"("logs":{"live":"public/mine.log"},)"
                          R"("artifacts":[{"type":"file","path":"log","name":"public/mine.log"},)"
                          R"({"type":"file","path":"log","name":"public/kept"}])")});
  CHECK(run.outcome->outcome == Outcome::FAILED);
  CHECK(run.artifacts.at("public/mine.log").link == "public/logs/live.log");
  CHECK(run.artifacts.at("public/kept").bytes == "x\n");  // also after a failure
  CHECK_THAT(run.log, Catch::Contains("the name is taken by the task's log"));
  CHECK(s.stop() == 0);
}

TEST_CASE("mounts bring artifacts into the task's folder", "[worker][session]") {
  Stage s;
  const std::string archive = s.f.dir / "a.tar.zst";
  test::make_archive(
      archive, Packing::tar_zst,
      {{"bin/tool", test::ArchiveEntry::Kind::file, "#!/bin/sh\necho tool\n", 0755}});
  s.server.files[other_task + "/public/a.tar.zst"] = test::read_file(archive);
  s.server.files[other_task + "/public/data"] = std::string(100'000, 'd');
  const std::string mounts =
      R"("mounts":[{"directory":"in","format":"tar.zst","content":{"taskId":")" + other_task +
      R"(","artifact":"public/a.tar.zst"}},{"file":"sub/data","content":{"taskId":")" + other_task +
      R"(","artifact":"public/data"}},{"file":"text","content":{"raw":"words"}}])";
  const test::FakeTask task{shell("in/bin/tool; wc -c < sub/data; cat text", mounts), {other_task}};

  SECTION("whole") {}
  SECTION("also when the connection breaks on the way") {
    s.server.break_download_at = 50'000;
  }
  s.start();
  auto& run = s.run_to_end(task);
  INFO(run.log);
  CHECK(run.outcome->outcome == Outcome::COMPLETED);
  CHECK_THAT(run.log, Catch::Contains("\ntool\n100000\nwords\n[taskcluster "));
  CHECK_THAT(run.log, Catch::Contains("[mounts] Unpacking to `in`"));
  // The second task finds the files here, even those that another task has spoiled.
  for (const auto& file : std::filesystem::directory_iterator(s.f.work_dir.downloads())) {
    if (file.file_size() != 100'000) continue;
    unlink(file.path().c_str());
    test::write_file(file.path().string(), "spoiled");
  }
  auto& again = s.run_to_end(task);
  CHECK_THAT(again.log, Catch::Contains("Already here:"));
  CHECK_THAT(again.log, Catch::Contains("\ntool\n100000\nwords\n[taskcluster "));
  CHECK(s.stop() == 0);
}

TEST_CASE("a download that is not what it should be fails the task", "[worker][session]") {
  Stage s;
  s.server.files[other_task + "/public/data"] = "data";
  const std::string content = R"({"taskId":")" + other_task + R"(","artifact":"public/data")";
  s.start();
  SECTION("by its hash") {
    auto& run = s.run_to_end({shell("true", R"("mounts":[{"file":"x","content":)" + content +
                                                R"(,"sha256":")" + std::string(64, '0') + "\"}}]"),
                              {other_task}});
    CHECK(run.outcome->outcome == Outcome::FAILED);
    CHECK_THAT(run.log, Catch::Contains("[mounts]"));
    CHECK_THAT(run.log, Catch::Contains("but the payload says 00000"));
  }
  SECTION("by its format") {
    auto& run = s.run_to_end(
        {shell("true", R"("mounts":[{"directory":"x","format":"zip","content":)" + content + "}}]"),
         {other_task}});
    CHECK(run.outcome->outcome == Outcome::FAILED);
  }
  SECTION("by not being there") {
    auto& run = s.run_to_end({shell("true", R"("mounts":[{"file":"x","content":{"taskId":")" +
                                                other_task + R"(","artifact":"none"}}])"),
                              {other_task}});
    CHECK(run.outcome->outcome == Outcome::FAILED);
    CHECK_THAT(run.log, Catch::Contains("no such artifact"));
  }
  CHECK(s.stop() == 0);
}

TEST_CASE("a writable cache goes from task to task", "[worker][session]") {
  Stage s;
  s.start();
  const std::string cache = R"("mounts":[{"cacheName":"c","directory":"cache"}])";
  const auto task = [&cache](const std::string& script) {
    return test::FakeTask{shell(script, cache + R"(,"onExitStatus":{"purgeCaches":[9]})"),
                          {},
                          {"generic-worker:cache:c"}};
  };
  CHECK(s.run_to_end(task("echo one > cache/x")).outcome->outcome == Outcome::COMPLETED);
  CHECK(s.run_to_end(task("grep one cache/x; exit 1")).outcome->outcome == Outcome::FAILED);
  CHECK_THAT(s.run_to_end(task("cat cache/x; exit 9")).log, Catch::Contains("\none\n"));
  auto& fresh = s.run_to_end(task("test ! -e cache/x"));
  CHECK(fresh.outcome->outcome == Outcome::COMPLETED);
  CHECK(s.stop() == 0);
}

TEST_CASE("a log that is too long is cut and still reported", "[worker][session]") {
  Stage s;
  s.f.options.max_log_bytes = 5'000;
  s.start();
  auto& run = s.run_to_end({shell("seq 1 100000")});
  CHECK(run.outcome->outcome == Outcome::COMPLETED);
  CHECK(run.log.size() < 10'000);
  CHECK_THAT(run.log, Catch::Contains("limit of 5000 bytes"));
  CHECK_THAT(run.log, Catch::Contains("=== Task Finished ==="));
  CHECK(s.stop() == 0);
}

TEST_CASE("a worker without room on its disk takes no tasks", "[worker][session]") {
  Stage s;
  s.f.options.min_free_disk_bytes = ~std::uint64_t{0};
  s.server.window = 99;
  s.start();
  s.until([&] { return s.server.registrations == 1 && s.server.window == 0; });
  CHECK(s.stop() == 0);
}

TEST_CASE("a worker ends by itself when nobody wants it", "[worker][session]") {
  Stage s;
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
  SECTION("0 when there is no server for too long") {
    s.f.options.orphan_timeout = Duration{200};
    s.server.refuse_registration = Error{Errc::unavailable, "starting"};
    CHECK(status() == 0);
    CHECK(s.dials > 1);
  }
}

}  // namespace
}  // namespace troupe::worker
