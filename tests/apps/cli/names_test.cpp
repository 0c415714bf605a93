#include "apps/troupe/cli/names.h"

#include "runtime/base/random.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace troupe::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* an_id = "dSlITZ4yQgmvxxAi4A8fHQ";

}  // namespace

TEST_CASE("a name is an id, a prefix, last, or a member of a group", "[names]") {
  SECTION("id") {
    const auto name = parse_name(an_id, NameKind::task);
    REQUIRE(name.ok());
    CHECK(std::get<Id>(name.value().base).value == an_id);
    CHECK_FALSE(name.value().member);
  }
  SECTION("prefix") {
    const auto name = parse_name("dSlI", NameKind::group);
    REQUIRE(name.ok());
    CHECK(std::get<IdPrefix>(name.value().base).value == "dSlI");
  }
  SECTION("last") {
    const auto name = parse_name("last", NameKind::task);
    REQUIRE(name.ok());
    CHECK(std::holds_alternative<Last>(name.value().base));
  }
  SECTION("member, whose name may hold slashes") {
    const auto name = parse_name("last/test/unit", NameKind::task);
    REQUIRE(name.ok());
    CHECK(std::holds_alternative<Last>(name.value().base));
    CHECK(name.value().member == "test/unit");
  }
}

TEST_CASE("what cannot be a name is refused before anybody is asked", "[names]") {
  const auto text = GENERATE(as<std::string>(), "", "abc", "a b c d", "häuser", "/x", "last/",
                             "0123456789012345678901", "dSlITZ4yQgmvxxAi4A8fHQx");
  const auto name = parse_name(text, NameKind::task);
  REQUIRE_FALSE(name.ok());
  CHECK(name.error().code == Errc::invalid);
  CHECK_FALSE(parse_name("last/build", NameKind::group).ok());
}

// Those of one platform.
std::vector<LastMade> made_on(const std::string& file, const std::string& platform) {
  auto made = last_made(file);
  std::erase_if(made, [&platform](const LastMade& one) { return one.platform != platform; });
  return made;
}

TEST_CASE("last is the newest of its kind on one platform", "[names]") {
  const fs::path folder = fs::temp_directory_path() / ("troupe-last-" + new_slugid());
  const std::string file = (folder / "inner" / "last").string();
  const std::string here = "/data with blanks";
  const std::string there = "https://ci.example.com";
  CHECK(made_on(file, here).empty());

  const std::string first = new_slugid();
  const std::string second = new_slugid();
  const std::string group = new_slugid();
  const std::string other = new_slugid();
  REQUIRE(remember_last(file, here, NameKind::task, first).ok());
  REQUIRE(remember_last(file, here, NameKind::group, group).ok());
  CHECK(made_on(file, here).front().id == group);
  REQUIRE(remember_last(file, there, NameKind::task, other).ok());
  REQUIRE(remember_last(file, here, NameKind::task, second).ok());
  const auto made = made_on(file, here);
  REQUIRE(made.size() == 2);
  CHECK(made[0].kind == NameKind::task);
  CHECK(made[0].id == second);
  CHECK(made[1].id == group);
  REQUIRE(made_on(file, there).size() == 1);
  CHECK(made_on(file, there).front().id == other);
  CHECK(made_on(file, "/elsewhere").empty());
  REQUIRE(last_made(file).size() == 3);
  CHECK(last_made(file)[1].id == other);  // the newest first, wherever
  // No temporary file is left.
  CHECK(std::distance(fs::directory_iterator(folder / "inner"), fs::directory_iterator()) == 1);

  std::ofstream(file) << "garbage\ntask ../../etc /p\ntask " << first << "\ntask " << first
                      << " /p\n";
  CHECK(made_on(file, "/p").size() == 1);
  fs::remove_all(folder);
}

TEST_CASE("the file of the last ones stays short", "[names]") {
  const fs::path folder = fs::temp_directory_path() / ("troupe-last-" + new_slugid());
  const std::string file = (folder / "last").string();
  for (int i = 0; i < 250; ++i) {
    REQUIRE(remember_last(file, "/p" + std::to_string(i), NameKind::task, new_slugid()).ok());
  }
  CHECK(made_on(file, "/p0").empty());
  CHECK(made_on(file, "/p249").size() == 1);
  CHECK(fs::file_size(file) < 10'000);
  fs::remove_all(folder);
}

TEST_CASE("what cannot be remembered is told with its reason", "[names]") {
  const auto told = [](const std::string& file) {
    const Status kept = remember_last(file, "/p", NameKind::task, new_slugid());
    REQUIRE_FALSE(kept.ok());
    return kept.error().detail;
  };
  CHECK(told("/proc/none/last").find("cannot make /proc/none: ") == 0);
  CHECK(told("/proc/self/fdinfo/last").find("cannot write /proc/self/fdinfo/last: ") == 0);
  CHECK(told("").find("HOME") != std::string::npos);
  CHECK(last_made("/proc/none/last").empty());
}

}  // namespace troupe::cli
