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

TEST_CASE("last is the newest of its kind", "[names]") {
  const fs::path folder = fs::temp_directory_path() / ("troupe-last-" + new_slugid());
  const std::string file = (folder / "inner" / "last").string();
  CHECK_FALSE(last_id(file, NameKind::task));
  CHECK_FALSE(last_made(file));

  const std::string first = new_slugid();
  const std::string second = new_slugid();
  const std::string group = new_slugid();
  remember_last(file, NameKind::task, first);
  remember_last(file, NameKind::group, group);
  CHECK(last_made(file)->id == group);
  remember_last(file, NameKind::task, second);
  CHECK(last_id(file, NameKind::task) == second);
  CHECK(last_id(file, NameKind::group) == group);
  CHECK(last_made(file)->id == second);
  CHECK(last_made(file)->kind == NameKind::task);
  // No temporary file is left.
  CHECK(std::distance(fs::directory_iterator(folder / "inner"), fs::directory_iterator()) == 1);

  std::ofstream(file) << "garbage\ntask ../../etc\ntask " << first << '\n';
  CHECK(last_id(file, NameKind::task) == first);
  fs::remove_all(folder);
}

TEST_CASE("what cannot be remembered is no error", "[names]") {
  remember_last("/proc/none/last", NameKind::task, new_slugid());
  CHECK_FALSE(last_id("/proc/none/last", NameKind::task));
}

}  // namespace troupe::cli
