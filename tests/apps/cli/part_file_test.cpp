#include "apps/troupe/cli/part_file.h"

#include "apps/troupe/cli/task_download.h"
#include "runtime/base/random.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

struct Folder {
  ~Folder() { fs::remove_all(path); }
  auto entries() const {
    return std::distance(fs::directory_iterator(path), fs::directory_iterator());
  }
  fs::path path = fs::temp_directory_path() / ("troupe-part-" + new_slugid());
};

std::string contents(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a download appears whole under its name", "[download]") {
  Folder folder;
  const fs::path target = folder.path / "file";
  auto file = PartFile::create(target.string());
  REQUIRE(file.ok());
  REQUIRE(file.value()->append("hello ").ok());
  REQUIRE(file.value()->append("world").ok());
  CHECK_FALSE(fs::exists(target));
  REQUIRE(file.value()->finish(sha256("hello world"), 11).ok());
  CHECK(contents(target) == "hello world");
  file.value().reset();
  CHECK(folder.entries() == 1);
}

TEST_CASE("a download that differs leaves what was there", "[download]") {
  Folder folder;
  fs::create_directories(folder.path);
  const fs::path target = folder.path / "file";
  std::ofstream(target) << "old";
  auto file = PartFile::create(target.string());
  REQUIRE(file.ok());
  REQUIRE(file.value()->append("new").ok());
  SECTION("wrong hash") {
    CHECK(file.value()->finish(sha256("other"), 3).error().code == Errc::corrupt);
  }
  SECTION("wrong size") {
    CHECK(file.value()->finish(sha256("new"), 4).error().code == Errc::corrupt);
  }
  SECTION("never finished") {}
  file.value().reset();
  CHECK(contents(target) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a folder in the way is an error", "[download]") {
  Folder folder;
  fs::create_directories(folder.path / "file");
  CHECK_FALSE(PartFile::create((folder.path / "file").string()).ok());
  CHECK(folder.entries() == 1);
}

TEST_CASE("an artifact's name does not lead out of the folder", "[download]") {
  CHECK(download_path("out", "public/a.tar.gz").value() == "out/public/a.tar.gz");
  const auto name = GENERATE(as<std::string>(), "", "/etc/passwd", "../x", "a/../../x", "a/", ".");
  CHECK(download_path("out", name).error().code == Errc::invalid);
}

}  // namespace troupe::cli
