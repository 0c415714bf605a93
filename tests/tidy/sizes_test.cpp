// How long files and lines may be.
#include "tests/tidy/source_text.h"
#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace troupe::tidy {
namespace {

/// 1,000 lines a file (tests 1,500), 100 columns a line.
Findings check_sizes(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path) && !path.ends_with(".capnp")) continue;
    const std::vector<std::string> lines = lines_of(text);
    const std::size_t lines_max = top_of(path) == "tests" ? 1'500 : 1'000;
    if (lines.size() > lines_max) {
      findings.push_back(path + ": " + std::to_string(lines.size()) + " lines; split it");
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto columns = std::count_if(lines[i].begin(), lines[i].end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // bytes that start a character
      });
      if (columns > 100) findings.push_back(at_line(path, i, "over 100 columns"));
    }
  }
  return findings;
}

}  // namespace

TEST_CASE("files and lines have limits", "[tidy]") {
  require_none(check_sizes(source_tree()));

  const auto lines = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "//\n";
    return text;
  };
  CHECK(check_sizes({{"runtime/a.cpp", lines(1'000)}}).empty());
  CHECK(check_sizes({{"runtime/a.cpp", lines(1'001)}}).size() == 1);
  CHECK(check_sizes({{"tests/a_test.cpp", lines(1'500)}}).empty());
  CHECK(check_sizes({{"tests/a_test.cpp", lines(1'501)}}).size() == 1);

  CHECK(check_sizes({{"runtime/a.h", std::string(100, 'a')}}).empty());
  CHECK(check_sizes({{"runtime/a.h", std::string(101, 'a')}}).size() == 1);
  CHECK(check_sizes({{"runtime/a.h", std::string(99, 'a') + "\u00e9"}}).empty());
}

}  // namespace troupe::tidy
