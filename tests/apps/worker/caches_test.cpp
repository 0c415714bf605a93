#include "apps/troupe/worker/cache_pool.h"
#include "apps/troupe/worker/download_cache.h"
#include "apps/troupe/worker/files.h"
#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::worker {
namespace {

struct Folders {
  Folders() {
    mkdir((dir / "pool").c_str(), 0755);
    mkdir((dir / "task").c_str(), 0755);
    task = Fd(open((dir / "task").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  // A folder in the task with a file that tells it from others.
  void make(const std::string& name, const std::string& content) {
    mkdir((dir / ("task/" + name)).c_str(), 0755);
    test::write_file(dir / ("task/" + name + "/mark"), content);
  }
  std::string mark(const std::string& name) {
    return test::read_file(dir / ("task/" + name + "/mark"));
  }

  test::TempDir dir;
  Fd task;
};

TEST_CASE("a cache comes back as the task before left it", "[worker][caches]") {
  Folders f;
  CachePool pool(f.dir / "pool", 2);
  CHECK(!pool.take("build", f.task.get(), "c").value());
  f.make("c", "one");
  REQUIRE(pool.give_back("build", f.task.get(), "c").ok());
  CHECK(!test::exists(f.dir / "task/c"));

  SECTION("under its own name only") {
    CHECK(!pool.take("other", f.task.get(), "c").value());
    CHECK(pool.take("build", f.task.get(), "again").value());
    CHECK(f.mark("again") == "one");
    CHECK(!pool.take("build", f.task.get(), "third").value());
  }
  SECTION("the one used last first") {
    f.make("c2", "two");
    REQUIRE(pool.give_back("build", f.task.get(), "c2").ok());
    CHECK(pool.take("build", f.task.get(), "x").value());
    CHECK(f.mark("x") == "two");
  }
  SECTION("no more of them than may be idle") {
    f.make("c2", "two");
    f.make("c3", "three");
    CHECK(pool.give_back("build", f.task.get(), "c2").value().empty());
    CHECK(pool.give_back("build", f.task.get(), "c3").value().size() == 1);
  }
  SECTION("also after the worker was started again") {
    CachePool later(f.dir / "pool", 2);
    CHECK(later.take("build", f.task.get(), "x").value());
    CHECK(f.mark("x") == "one");
  }
  SECTION("not once it was evicted") {
    CHECK(pool.evict_oldest().has_value());
    CHECK(!pool.evict_oldest().has_value());
    CHECK(!pool.take("build", f.task.get(), "x").value());
  }
}

TEST_CASE("what a task put in place of its cache is not kept", "[worker][caches]") {
  Folders f;
  CachePool pool(f.dir / "pool", 2);
  REQUIRE(symlink("/etc", (f.dir / "task/link").c_str()) == 0);
  CHECK(pool.give_back("build", f.task.get(), "link").error().code == Errc::invalid);
  CHECK(pool.give_back("build", f.task.get(), "nothing").error().code == Errc::invalid);
}

TEST_CASE("downloads are kept by their hash, within a bound", "[worker][caches]") {
  const test::TempDir dir;
  DownloadCache cache(dir.path(), 10);
  const auto put = [&cache](const std::string& content) {
    const auto path = cache.temporary_path();
    test::write_file(path, content);
    return cache.insert(path, sha256(content), content.size());
  };
  CHECK(!cache.find(sha256("aaaa")).has_value());
  REQUIRE(put("aaaa").ok());
  REQUIRE(put("bbbb").ok());
  REQUIRE(cache.find(sha256("aaaa")).has_value());

  SECTION("the one used longest ago goes first") {
    REQUIRE(put("cccc").ok());
    CHECK(cache.find(sha256("aaaa")).has_value());
    CHECK(!cache.find(sha256("bbbb")).has_value());
    CHECK(cache.find(sha256("cccc")).has_value());
  }
  SECTION("not while somebody holds it") {
    const auto held = cache.find(sha256("bbbb"));
    const auto used = cache.find(sha256("aaaa"));
    REQUIRE(put("cccc").ok());
    CHECK(test::read_file(held->path) == "bbbb");
    CHECK(test::read_file(used->path) == "aaaa");
  }
  SECTION("and found again after a restart, unfinished ones cleared away") {
    const auto unfinished = cache.temporary_path();
    test::write_file(unfinished, "half");
    DownloadCache later(dir.path(), 10);
    CHECK(later.find(sha256("aaaa")).has_value());
    CHECK(!test::exists(unfinished));
  }
  SECTION("dropped when found to be changed") {
    cache.drop(sha256("aaaa"));
    CHECK(!cache.find(sha256("aaaa")).has_value());
  }
}

}  // namespace
}  // namespace troupe::worker
