#include "apps/troupe/worker/archive.h"

#include "apps/troupe/worker/files.h"
#include "tests/apps/worker/archive_builder.h"
#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::worker {
namespace {

using test::ArchiveEntry;
using Kind = ArchiveEntry::Kind;

// A folder to unpack into, with something precious beside it.
struct Place {
  Place() {
    mkdir((dir / "root").c_str(), 0755);
    root = Fd(open((dir / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    test::write_file(dir / "precious", "precious");
  }

  Status run(Packing packing, const std::string& destination) {
    const std::atomic<bool> cancelled{false};
    return unpack({.source = dir / "source",
                   .root = root.get(),
                   .destination = destination,
                   .packing = packing},
                  cancelled);
  }

  std::string at(const std::string& name) const { return dir / ("root/" + name); }

  test::TempDir dir;
  Fd root;
};

TEST_CASE("archives of every format are unpacked", "[worker][archive]") {
  using enum Packing;
  const auto packing = GENERATE(tar, tar_gz, tar_bz2, tar_xz, tar_zst, zip);
  Place place;
  test::make_archive(place.dir / "source", packing,
                     {{"a/", Kind::directory, "", 0755},
                      {"a/run.sh", Kind::file, "#!/bin/sh\n", 0755},
                      {"deep/er/file", Kind::file, std::string(100'000, 'x'), 0600},
                      {"link", Kind::symbolic_link, "a/run.sh"}});
  REQUIRE(place.run(packing, "out").ok());
  CHECK(test::read_file(place.at("out/a/run.sh")) == "#!/bin/sh\n");
  CHECK(test::read_file(place.at("out/deep/er/file")).size() == 100'000);
  CHECK(test::read_file(place.at("out/link")) == "#!/bin/sh\n");
  struct stat info {};
  REQUIRE(stat(place.at("out/a/run.sh").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0755);
  CHECK(info.st_mtime == 1'700'000'000);
}

TEST_CASE("single files are decompressed or copied", "[worker][archive]") {
  using enum Packing;
  const auto packing = GENERATE(none, gz, bz2, xz, zst);
  Place place;
  test::make_archive(place.dir / "source", packing, {{"data", Kind::file, "the content"}});
  REQUIRE(place.run(packing, "sub/file.txt").ok());
  CHECK(test::read_file(place.at("sub/file.txt")) == "the content");
}

TEST_CASE("a file that is not compressed as it should be is refused", "[worker][archive]") {
  Place place;
  test::write_file(place.dir / "source", "plain");
  CHECK(place.run(Packing::gz, "out").error().code == Errc::invalid);
  CHECK(place.run(Packing::tar, "out2").error().code == Errc::invalid);
}

TEST_CASE("a broken archive is an error", "[worker][archive]") {
  Place place;
  test::make_archive(place.dir / "source", Packing::tar_gz,
                     {{"file", Kind::file, std::string(1'000'000, 'y')}});
  const auto whole = test::read_file(place.dir / "source");
  test::write_file(place.dir / "source", whole.substr(0, whole.size() / 2));
  CHECK(place.run(Packing::tar_gz, "out").error().code == Errc::invalid);
}

TEST_CASE("nothing in an archive reaches outside", "[worker][archive]") {
  struct Case {
    std::string what;
    std::vector<ArchiveEntry> entries;
  };
  Place place;
  const std::string outside = place.dir.path();
  const auto c = GENERATE_COPY(values<Case>({
      {"an absolute path", {{outside + "/precious", Kind::file, "evil"}}},
      {"two dots", {{"../../precious", Kind::file, "evil"}}},
      {"two dots in the middle", {{"a/../../../precious", Kind::file, "evil"}}},
      {"a directory of two dots", {{"../evil/", Kind::directory}}},
      {"through a link to a directory",
       {{"up", Kind::symbolic_link, "../.."}, {"up/precious", Kind::file, "evil"}}},
      {"through an absolute link",
       {{"up", Kind::symbolic_link, outside}, {"up/precious", Kind::file, "evil"}}},
      {"a directory in place of a link",
       {{"up", Kind::symbolic_link, outside}, {"up/", Kind::directory, "", 0777}}},
      {"a hard link to outside", {{"hard", Kind::hard_link, "../../precious"}}},
      {"an absolute hard link", {{"hard", Kind::hard_link, outside + "/precious"}}},
      {"a hard link through a link",
       {{"up", Kind::symbolic_link, "../.."}, {"hard", Kind::hard_link, "up/precious"}}},
      {"a pipe", {{"pipe", Kind::fifo}}},
  }));
  INFO(c.what);
  test::make_archive(place.dir / "source", Packing::tar, c.entries);
  const auto done = place.run(Packing::tar, "out");
  REQUIRE(!done.ok());
  CHECK(test::read_file(place.dir / "precious") == "precious");
  CHECK(!test::exists(place.dir / "evil"));
}

TEST_CASE("a file written over a link replaces the link", "[worker][archive]") {
  Place place;
  test::make_archive(place.dir / "source", Packing::tar,
                     {{"x", Kind::symbolic_link, "../../precious"}, {"x", Kind::file, "mine"}});
  REQUIRE(place.run(Packing::tar, "out").ok());
  CHECK(test::read_file(place.at("out/x")) == "mine");
  CHECK(test::read_file(place.dir / "precious") == "precious");
}

TEST_CASE("set-user-id bits are dropped", "[worker][archive]") {
  Place place;
  test::make_archive(place.dir / "source", Packing::tar, {{"x", Kind::file, "", 06755}});
  REQUIRE(place.run(Packing::tar, "out").ok());
  struct stat info {};
  REQUIRE(stat(place.at("out/x").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0755);
}

TEST_CASE("an archive with read-only directories is unpacked and can be deleted",
          "[worker][archive]") {
  Place place;
  test::make_archive(place.dir / "source", Packing::tar,
                     {{"ro/", Kind::directory, "", 0555},
                      {"ro/in/", Kind::directory, "", 0500},
                      {"ro/in/file", Kind::file, "x", 0400}});
  REQUIRE(place.run(Packing::tar, "out").ok());
  CHECK(test::read_file(place.at("out/ro/in/file")) == "x");
  REQUIRE(remove_tree(place.at("out")).ok());
  CHECK(!test::exists(place.at("out")));
}

TEST_CASE("a destination may not leave the task's folder", "[worker][archive]") {
  Place place;
  test::make_archive(place.dir / "source", Packing::tar, {{"x", Kind::file, "x"}});
  REQUIRE(symlink(place.dir.path().c_str(), place.at("up").c_str()) == 0);
  const auto destination = GENERATE("../out", "/tmp/out", "a/../../out", "up/out");
  CHECK(place.run(Packing::tar, destination).error().code == Errc::invalid);
  CHECK(write_file_below(place.root.get(), destination, "x").error().code == Errc::invalid);
}

TEST_CASE("unpacking stops when nobody wants it any more", "[worker][archive]") {
  Place place;
  test::make_archive(place.dir / "source", Packing::tar, {{"x", Kind::file, "x"}});
  const std::atomic<bool> cancelled{true};
  const auto done = unpack({.source = place.dir / "source",
                            .root = place.root.get(),
                            .destination = "out",
                            .packing = Packing::tar},
                           cancelled);
  CHECK(done.error().code == Errc::unavailable);
}

}  // namespace
}  // namespace troupe::worker
