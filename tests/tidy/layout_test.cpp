// Which files there are: the documented top level, and nothing that nobody uses.
#include "tests/tidy/source_text.h"
#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

namespace troupe::tidy {
namespace {

/// The files that the CMake files name, as paths from the root.
std::set<std::string> listed_files(const Tree& tree) {
  std::set<std::string> listed;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with("CMakeLists.txt") && !path.ends_with(".cmake")) continue;
    std::string spaced = text;
    std::replace_if(
        spaced.begin(), spaced.end(), [](char c) { return c == '(' || c == ')' || c == '"'; }, ' ');
    std::istringstream words(spaced);
    for (std::string word; words >> word;) {
      listed.insert((std::filesystem::path(path).parent_path() / word).lexically_normal().string());
    }
  }
  return listed;
}

/// Files that nothing builds, includes or runs.
Findings check_dead_files(const Tree& tree) {
  const std::set<std::string> listed = listed_files(tree);
  std::set<std::string> included;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    for (const Include& include : includes_of(text)) included.insert(include.target);
  }
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (layers.count(top_of(path)) == 0) continue;
    const bool compiled = path.ends_with(".cpp") || path.ends_with(".capnp");
    if (compiled && listed.count(path) == 0) {
      findings.push_back(path + ": no CMake file names it");
    }
    if (path.ends_with(".h") && included.count(path) == 0) {
      findings.push_back(path + ": nobody includes it");
    }
  }
  return findings;
}

/// Exactly the documented names, and dot-files.
Findings check_top_level(const Tree& tree) {
  const std::set<std::string> expected = {
      "CHANGELOG.md",
      "CMakeLists.txt",
      "CMakePresets.json",
      "LICENSE",
      "Makefile",
      "README.md",
      "actors",
      "apps",
      "bench",
      "cmake",
      "docs",
      "examples",
      "runtime",
      "schema",
      "scripts",
      "tests",
      ".ci",
  };
  std::set<std::string> present;
  for (const auto& [path, text] : tree) present.insert(top_of(path));
  Findings findings;
  for (const std::string& name : expected) {
    if (present.count(name) == 0) findings.push_back(name + ": missing at the top level");
  }
  for (const std::string& name : present) {
    const bool dot_file = name.starts_with(".") && tree.count(name) == 1;
    if (!dot_file && expected.count(name) == 0) {
      findings.push_back(name + ": does not belong at the top level");
    }
  }
  return findings;
}

}  // namespace

TEST_CASE("the source is found", "[tidy]") {
  CHECK(source_tree().count("CMakeLists.txt") == 1);
  CHECK(source_tree().count("tests/tidy/layout_test.cpp") == 1);
}

TEST_CASE("every file is built, included or run", "[tidy]") {
  require_none(check_dead_files(source_tree()));

  const Tree listed = {{"runtime/CMakeLists.txt", "target_sources(x PRIVATE store/a.cpp)\n"},
                       {"runtime/store/a.cpp", ""}};
  CHECK(check_dead_files(listed).empty());
  CHECK(check_dead_files({{"runtime/CMakeLists.txt", ""}, {"runtime/a.cpp", ""}}).size() == 1);
  CHECK(check_dead_files({{"tests/runtime/a_test.cpp", ""}}).size() == 1);
  CHECK(check_dead_files({{"schema/api/a.capnp", ""}}).size() == 1);
  CHECK(check_dead_files({{"runtime/a.h", ""}}).size() == 1);
  CHECK(check_dead_files({{"runtime/a.h", ""},
                          {"bench/CMakeLists.txt", "b.cpp"},
                          {"bench/b.cpp", "#include \"runtime/a.h\"\n"}})
            .empty());
}

TEST_CASE("the top level is what the documentation says", "[tidy]") {
  SECTION("in the source") {
    require_none(check_top_level(source_tree()));
  }

  Tree house = {{".gitignore", ""}};
  for (const std::string& finding : check_top_level({}))
    house[finding.substr(0, finding.find(':'))];
  REQUIRE(check_top_level(house).empty());

  SECTION("a missing name is found") {
    house.erase("LICENSE");
    CHECK(check_top_level(house).size() == 1);
  }
  SECTION("a name too many is found") {
    const auto path = GENERATE(as<std::string>{}, "utils/misc.h", "notes.txt", ".cache/file");
    house[path] = "";
    CHECK(check_top_level(house).size() == 1);
  }
}

}  // namespace troupe::tidy
