// Files that come and go with a run: artifacts, mounts and caches.
#include "tests/apps/worker/archive_builder.h"
#include "tests/apps/worker/stage.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>

namespace troupe::worker {
namespace {

using schema::Outcome;

TEST_CASE("artifacts survive a connection that breaks in the middle", "[worker][session]") {
  test::Stage s;
  s.server.break_upload_at = 1'000'000;
  s.start();
  auto& run = s.run_to_end({test::shell(
      "mkdir d; head -c 3000000 /dev/zero > d/big; echo a > d/a; echo a > d/b; : > d/empty",
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
  test::Stage s;
  s.start();
  auto& run = s.run_to_end(
      {test::shell("echo x > log; exit 1",
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
  test::Stage s;
  const std::string archive = s.f.dir / "a.tar.zst";
  test::make_archive(
      archive, Packing::tar_zst,
      {{"bin/tool", test::ArchiveEntry::Kind::file, "#!/bin/sh\necho tool\n", 0755}});
  s.server.files[test::other_task + "/public/a.tar.zst"] = test::read_file(archive);
  s.server.files[test::other_task + "/public/data"] = std::string(100'000, 'd');
  const std::string mounts =
      R"("mounts":[{"directory":"in","format":"tar.zst","content":{"taskId":")" + test::other_task +
      R"(","artifact":"public/a.tar.zst"}},{"file":"sub/data","content":{"taskId":")" +
      test::other_task +
      R"(","artifact":"public/data"}},{"file":"text","content":{"raw":"words"}}])";
  const test::FakeTask task{test::shell("in/bin/tool; wc -c < sub/data; cat text", mounts),
                            {test::other_task}};

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
  test::Stage s;
  s.server.files[test::other_task + "/public/data"] = "data";
  const std::string content = R"({"taskId":")" + test::other_task + R"(","artifact":"public/data")";
  s.start();
  SECTION("by its hash") {
    auto& run =
        s.run_to_end({test::shell("true", R"("mounts":[{"file":"x","content":)" + content +
                                              R"(,"sha256":")" + std::string(64, '0') + "\"}}]"),
                      {test::other_task}});
    CHECK(run.outcome->outcome == Outcome::FAILED);
    CHECK_THAT(run.log, Catch::Contains("[mounts]"));
    CHECK_THAT(run.log, Catch::Contains("but the payload says 00000"));
  }
  SECTION("by its format") {
    auto& run = s.run_to_end(
        {test::shell("true",
                     R"("mounts":[{"directory":"x","format":"zip","content":)" + content + "}}]"),
         {test::other_task}});
    CHECK(run.outcome->outcome == Outcome::FAILED);
  }
  SECTION("by not being there") {
    auto& run =
        s.run_to_end({test::shell("true", R"("mounts":[{"file":"x","content":{"taskId":")" +
                                              test::other_task + R"(","artifact":"none"}}])"),
                      {test::other_task}});
    CHECK(run.outcome->outcome == Outcome::FAILED);
    CHECK_THAT(run.log, Catch::Contains("no such artifact"));
  }
  CHECK(s.stop() == 0);
}

TEST_CASE("a writable cache goes from task to task", "[worker][session]") {
  test::Stage s;
  s.start();
  const std::string cache = R"("mounts":[{"cacheName":"c","directory":"cache"}])";
  const auto task = [&cache](const std::string& script) {
    return test::FakeTask{test::shell(script, cache + R"(,"onExitStatus":{"purgeCaches":[9]})"),
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

}  // namespace
}  // namespace troupe::worker
