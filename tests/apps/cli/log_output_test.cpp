#include "apps/troupe/cli/task_log.h"

#include <catch2/catch.hpp>

#include <vector>

namespace troupe::cli {

TEST_CASE("a log comes in lines, however its bytes are cut", "[log]") {
  std::vector<std::string> lines;
  LineLogOutput output([&lines](std::uint32_t run, std::string_view line) {
    lines.push_back(std::to_string(run) + ":" + std::string(line));
  });
  const std::string text = "one\n\ntwo\nno end";
  const auto cut = GENERATE(range(1, 16));
  output.begin_run(3);
  for (std::size_t at = 0; at < text.size(); at += static_cast<std::size_t>(cut)) {
    output.write(std::string_view(text).substr(at, static_cast<std::size_t>(cut)));
  }
  output.end_run();
  CHECK(lines == std::vector<std::string>{"3:one", "3:", "3:two", "3:no end"});
}

TEST_CASE("a line without an end does not fill the memory", "[log]") {
  std::size_t pieces = 0;
  std::size_t bytes = 0;
  LineLogOutput output([&](std::uint32_t, std::string_view line) {
    ++pieces;
    bytes += line.size();
  });
  const std::string block(100'000, 'x');
  for (int i = 0; i < 100; ++i) output.write(block);
  output.end_run();
  CHECK(bytes == 10'000'000);
  CHECK(pieces > 5);
}

}  // namespace troupe::cli
