#include "apps/troupe/worker/files.h"

#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::worker {
namespace {

TEST_CASE("a tree is deleted whatever a task made of it", "[worker][files]") {
  const test::TempDir dir;
  const std::string tree = dir / "tree";
  REQUIRE(mkdir(tree.c_str(), 0755) == 0);

  SECTION("absent") {
    REQUIRE(remove_tree(dir / "nothing").ok());
  }
  SECTION("a file") {
    test::write_file(dir / "file", "x");
    REQUIRE(remove_tree(dir / "file").ok());
    CHECK(!test::exists(dir / "file"));
  }
  SECTION("directories without any permission") {
    REQUIRE(mkdir((tree + "/a").c_str(), 0755) == 0);
    REQUIRE(mkdir((tree + "/a/b").c_str(), 0755) == 0);
    test::write_file(tree + "/a/b/c", "x");
    chmod((tree + "/a/b").c_str(), 0);
    chmod((tree + "/a").c_str(), 0);
    chmod(tree.c_str(), 0);
    REQUIRE(remove_tree(tree).ok());
    CHECK(!test::exists(tree));
  }
  SECTION("links, which are not followed") {
    test::write_file(dir / "precious", "x");
    mkdir((dir / "kept").c_str(), 0755);
    test::write_file(dir / "kept/inside", "x");
    REQUIRE(symlink("../precious", (tree + "/link").c_str()) == 0);
    REQUIRE(symlink("../kept", (tree + "/dirlink").c_str()) == 0);
    REQUIRE(remove_tree(tree).ok());
    CHECK(!test::exists(tree));
    CHECK(test::exists(dir / "precious"));
    CHECK(test::exists(dir / "kept/inside"));
  }
  SECTION("deeper than any path may be") {
    const std::string name(200, 'd');
    Fd at(open(tree.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 200; ++i) {  // 40,000 characters
      REQUIRE(mkdirat(at.get(), name.c_str(), 0755) == 0);
      at = Fd(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    REQUIRE(remove_tree(tree).ok());
    CHECK(!test::exists(tree));
  }
}

TEST_CASE("a file is hashed in pieces", "[worker][files]") {
  const test::TempDir dir;
  const std::string bytes(1'000'000, 'z');
  test::write_file(dir / "file", bytes);
  std::atomic<bool> cancelled{false};
  const auto hash = hash_file(dir / "file", cancelled);
  REQUIRE(hash.ok());
  CHECK(hash.value().sha256 == sha256(bytes));
  CHECK(hash.value().size == bytes.size());
  cancelled = true;
  CHECK(hash_file(dir / "file", cancelled).error().code == Errc::unavailable);
}

TEST_CASE("a path is split into its folder and its name", "[worker][files]") {
  CHECK(split_path("a/b/c").parent == "a/b");
  CHECK(split_path("a/b/c").name == "c");
  CHECK(split_path("c").parent.empty());
  CHECK(split_path("a/b/").name == "b");
}

}  // namespace
}  // namespace troupe::worker
