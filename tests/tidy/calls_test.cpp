// What code must not call.
#include "tests/tidy/source_text.h"
#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tidy {
namespace {

struct ForbiddenCall {
  std::string_view text;
  std::string_view allowed_in;  // prefix of the path; empty for nowhere
  std::string_view instead;
};

constexpr std::array<ForbiddenCall, 17> forbidden_calls = {{
    {"system_clock::now", "runtime/clock/", "take `now`, or a Clock"},
    {"steady_clock::now", "runtime/clock/", "take `now`, or a Clock"},
    {"high_resolution_clock::now", "runtime/clock/", "take `now`, or a Clock"},
    {"time(nullptr)", "runtime/clock/", "take `now`, or a Clock"},
    {"gettimeofday(", "runtime/clock/", "take `now`, or a Clock"},
    {"clock_gettime(", "runtime/clock/", "take `now`, or a Clock"},
    {"rand(", "", "use runtime/base/random.h"},
    {"srand(", "", "use runtime/base/random.h"},
    {"random_device", "runtime/base/random.cpp", "use runtime/base/random.h"},
    {"sleep_for", "", "wait for the event, or use a timer"},
    {"sleep_until", "", "wait for the event, or use a timer"},
    {"usleep(", "", "wait for the event, or use a timer"},
    {"nanosleep(", "", "wait for the event, or use a timer"},
    {"[=]", "", "name each capture"},
    {"[=,", "", "name each capture"},
    {"std::cout", "apps/", "return it, or log it"},
    {"using namespace std;", "", "name what is used"},
}};

/// Whether `needle` occurs in `line`, not as the end of a longer word.
bool has_word(std::string_view line, std::string_view needle) {
  for (auto at = line.find(needle); at != line.npos; at = line.find(needle, at + 1)) {
    if (at == 0 || !is_word(needle.front()) || !is_word(line[at - 1])) return true;
  }
  return false;
}

Findings check_calls(const Tree& tree) {
  static const std::string todo = std::string("TODO(") + "now)";
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (!is_source(path)) continue;
    const std::vector<std::string> lines = lines_of(code_of(text));
    const std::vector<std::string> raw = lines_of(text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (const ForbiddenCall& call : forbidden_calls) {
        const bool allowed = !call.allowed_in.empty() && path.starts_with(call.allowed_in);
        if (allowed || !has_word(lines[i], call.text)) continue;
        findings.push_back(
            at_line(path, i, std::string(call.text) + ": " + std::string(call.instead)));
      }
      if (has_word(raw[i], todo)) findings.push_back(at_line(path, i, todo + ": do it now"));
    }
  }
  return findings;
}

}  // namespace

TEST_CASE("forbidden calls are not made", "[tidy]") {
  require_none(check_calls(source_tree()));

  SECTION("each is found in code") {
    for (const ForbiddenCall& call : forbidden_calls) {
      INFO(call.text);
      const std::string line = "  auto x = " + std::string(call.text) + ");\n";
      CHECK(check_calls({{"actors/task/a.cpp", line}}).size() == 1);
      const std::string home = std::string(call.allowed_in) + "a.cpp";
      CHECK(check_calls({{home, line}}).size() == (call.allowed_in.empty() ? 1 : 0));
    }
  }
  SECTION("neither in comments nor in literals") {
    CHECK(check_calls({{"actors/a.cpp", "// not rand(), not\n/* std::cout\n sleep_for */\n"}})
              .empty());
    CHECK(check_calls({{"actors/a.cpp", "auto s = \"a\\\" rand()\"; auto c = '\\''; int i;\n"}})
              .empty());
    CHECK(check_calls({{"actors/a.cpp", "auto s = R\"x(\nrand() )\" sleep_for )x\";\n"}}).empty());
    CHECK(check_calls({{"actors/a.cpp", "int n = 1'000; rand(); int m = 2'000;\n"}}).size() == 1);
    CHECK(check_calls({{"actors/a.cpp", "#include <a'b>\nrand();  // it's\n"}}).size() == 1);
  }
  SECTION("a longer word is another word") {
    CHECK(check_calls({{"actors/a.cpp", "operand(1); mktime(nullptr); unsleep_for_x;\n"}}).empty());
  }
  SECTION("what is to be done now is found in comments") {
    const std::string todo = std::string("TODO(") + "now)";
    CHECK(check_calls({{"actors/a.cpp", "// " + todo + ": mend\n"}}).size() == 1);
    CHECK(check_calls({{"actors/a.cpp", "// TODO(perf): measure\n"}}).empty());
  }
}

}  // namespace troupe::tidy
