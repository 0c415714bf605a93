// The rules of the house that a machine can check, on the source itself: the include arrow, sizes,
// forbidden calls, dead files, the top level. Formatting is clang-format's, functions clang-tidy's.
//
// A rule is a function from a tree (paths and texts) to findings. Each is applied to the real tree
// and to a planted one, so that a rule which no longer finds anything fails too.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

using Tree = std::map<std::string, std::string>;  // path from the root -> text
using Findings = std::vector<std::string>;

// ---- Reading ----

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What Git tracks; nothing if Git does not answer.
std::vector<std::string> tracked_files(const std::string& root) {
  // The source may belong to another user, which Git refuses by default.
  const std::string command = "git -c safe.directory='*' -C '" + root + "' ls-files -z 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string output;
  std::array<char, 4'096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), size);
  }
  if (pclose(pipe) != 0) return {};
  std::vector<std::string> paths;
  std::istringstream stream(output);
  for (std::string path; std::getline(stream, path, '\0');) paths.push_back(path);
  return paths;
}

/// Everything there is: for a source that was unpacked from an archive.
std::vector<std::string> all_files(const fs::path& root) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().lexically_relative(root).string());
  }
  return paths;
}

Tree load_tree(const std::string& root) {
  const bool has_git = fs::exists(fs::path(root) / ".git");
  Tree tree;
  for (const std::string& path : has_git ? tracked_files(root) : all_files(root)) {
    const fs::path full = fs::path(root) / path;
    if (fs::is_regular_file(full)) tree[path] = read_text(full);
  }
  return tree;
}

const Tree& source_tree() {
  static const Tree tree = load_tree(TROUPE_SOURCE_ROOT);
  return tree;
}

// ---- Looking at text ----

bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_source(std::string_view path) {
  return path.ends_with(".cpp") || path.ends_with(".h");
}

std::string top_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string at_line(const std::string& path, std::size_t index, const std::string& what) {
  return path + ":" + std::to_string(index + 1) + ": " + what;
}

/// The position after the literal or comment that starts at `begin`; `begin` if none does.
std::size_t skip_from(const std::string& text, std::size_t begin) {
  const auto after = [&text](std::string_view end, std::size_t from) {
    const std::size_t found = text.find(end, from);
    return found == std::string::npos ? text.size() : found + end.size();
  };
  const std::string_view rest = std::string_view(text).substr(begin);
  if (rest.starts_with("//")) return std::min(text.find('\n', begin), text.size());
  if (rest.starts_with("/*")) return after("*/", begin + 2);
  if (rest.starts_with("R\"")) {
    const std::size_t open = std::min(text.find('(', begin), text.size());
    return after(")" + text.substr(begin + 2, open - begin - 2) + "\"", open);
  }
  const char quote = text[begin];
  const bool digit_separator = quote == '\'' && begin > 0 && is_word(text[begin - 1]);
  if ((quote != '"' && quote != '\'') || digit_separator) return begin;
  std::size_t i = begin + 1;
  while (i < text.size() && text[i] != quote && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

/// The text with comments and the insides of literals blanked; includes and line breaks stay.
std::string code_of(const std::string& text) {
  std::string code = text;
  bool line_start = true;
  for (std::size_t i = 0; i < text.size();) {
    if (line_start && text.compare(i, 8, "#include") == 0) {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    const std::size_t end = skip_from(text, i);
    for (std::size_t j = i; j < end; ++j) {
      if (text[j] != '\n') code[j] = ' ';
    }
    line_start = end == i && text[i] == '\n';
    i = std::max(end, i + 1);
  }
  return code;
}

struct Include {
  std::size_t line = 0;  // from 0
  std::string target;
  bool quoted = false;
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> includes;
  const std::vector<std::string> lines = lines_of(code_of(text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("#include")) continue;
    const std::size_t open = lines[i].find_first_of("\"<");
    if (open == std::string::npos) continue;
    const std::size_t close = lines[i].find_first_of("\">", open + 1);
    includes.push_back({i, lines[i].substr(open + 1, close - open - 1), lines[i][open] == '"'});
  }
  return includes;
}

// ---- Rules ----

const std::map<std::string, int> layers = {{"schema", 0}, {"runtime", 1}, {"actors", 2},
                                           {"apps", 3},   {"bench", 4},   {"tests", 4}};

/// `schema <- runtime <- actors <- apps`, and nothing sees bench or tests.
Findings check_arrow(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    const auto layer = layers.find(top_of(path));
    if (layer == layers.end() || !is_source(path)) continue;
    if (layer->second == 0) findings.push_back(path + ": schema/ holds definitions, no C++");
    for (const Include& include : includes_of(text)) {
      if (!include.quoted) continue;
      const auto target = layers.find(top_of(include.target));
      if (target == layers.end()) {
        findings.push_back(at_line(path, include.line, "include with the path from the root"));
      } else if (target->second > layer->second) {
        findings.push_back(
            at_line(path, include.line, layer->first + " must not include " + include.target));
      }
    }
  }
  return findings;
}

/// Actors know no socket, thread, clock or store, and no other kind's state.
Findings check_actor_includes(const Tree& tree) {
  constexpr std::array<std::string_view, 16> forbidden = {
      "lmdb.h",  "kj/",    "capnp/rpc",          "capnp/ez-rpc", "caf/",   "thread",
      "mutex",   "future", "condition_variable", "shared_mutex", "random", "atomic",
      "pthread", "sys/",   "unistd.h",           "spdlog/",
  };
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (top_of(path) != "actors" || !is_source(path)) continue;
    const std::string kind = path.substr(0, path.find('/', 7) + 1);  // `actors/KIND/`
    for (const Include& include : includes_of(text)) {
      const std::string& target = include.target;
      const bool library = !include.quoted && std::any_of(forbidden.begin(), forbidden.end(),
                                                          [&target](std::string_view prefix) {
                                                            return target.starts_with(prefix);
                                                          });
      const bool state = target.starts_with("actors/") && target.ends_with("/state.h") &&
                         !target.starts_with(kind);
      if (library || state) {
        findings.push_back(at_line(path, include.line, "an actor must not include " + target));
      }
    }
  }
  return findings;
}

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
      listed.insert((fs::path(path).parent_path() / word).lexically_normal().string());
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

Findings check_headers(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (path.ends_with(".h") && text.find("\n#pragma once\n") == std::string::npos) {
      findings.push_back(path + ": no `#pragma once` after its overview");
    }
  }
  return findings;
}

/// A declaration of a schema, and whether a comment says what it means.
struct SchemaStatement {
  std::string text;
  std::size_t line = 0;  // from 0
  bool commented = false;
};

/// The code of a line of a schema, with the insides of texts blanked; its comment is left out.
std::string schema_code(const std::string& line) {
  std::string code;
  bool in_text = false;
  char before = '\0';
  for (const char c : line) {
    if (c == '#' && !in_text) break;
    if (c == '"' && before != '\\') in_text = !in_text;
    code += in_text ? '"' : c;
    before = c;
  }
  return code;
}

/// Statements end with `;` or open a body. A comment belongs to one if it stands behind it, on any
/// of its lines, or begins on the line below.
std::vector<SchemaStatement> schema_statements(const std::vector<std::string>& lines) {
  std::vector<SchemaStatement> statements;
  SchemaStatement open;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string code = schema_code(lines[i]);
    const bool behind = code.size() < lines[i].size();
    const std::size_t below = i + 1 < lines.size() ? lines[i + 1].find_first_not_of(' ') : 0;
    const bool beneath =
        i + 1 < lines.size() && below != std::string::npos && lines[i + 1][below] == '#';
    for (const char c : code) {
      if (open.text.empty() && (c == ' ' || c == '}')) continue;
      if (open.text.empty()) open.line = i;
      open.commented = open.commented || behind;
      if (c != ';' && c != '{') {
        open.text += c;
        continue;
      }
      open.text.erase(open.text.find_last_not_of(' ') + 1);
      open.commented = open.commented || beneath;
      statements.push_back(std::exchange(open, {}));
    }
  }
  return statements;
}

/// Every type, field, enumerant, union member, method and constant of the schema has a comment.
Findings check_schema_comments(const Tree& tree) {
  // Imports, annotations of the file and unions without a name mean nothing by themselves.
  const auto means_nothing = [](const std::string& text) {
    return text == "union" || text.starts_with("using ") || text.starts_with('$') ||
           text.starts_with('@');
  };
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (top_of(path) != "schema" || !path.ends_with(".capnp")) continue;
    for (const SchemaStatement& statement : schema_statements(lines_of(text))) {
      if (statement.commented || means_nothing(statement.text)) continue;
      findings.push_back(
          at_line(path, statement.line, "no comment says what it means: " + statement.text));
    }
  }
  return findings;
}

void require_none(const Findings& findings) {
  std::string lines;
  for (const std::string& finding : findings) lines += finding + "\n";
  INFO(lines);
  REQUIRE(findings.empty());
}

}  // namespace

// ---- Each rule, on the source and on a planted defect ----

TEST_CASE("the source is found", "[tidy]") {
  CHECK(source_tree().count("CMakeLists.txt") == 1);
  CHECK(source_tree().count("tests/tidy_test.cpp") == 1);
}

TEST_CASE("includes follow the arrow", "[tidy]") {
  SECTION("in the source") {
    require_none(check_arrow(source_tree()));
  }

  SECTION("each step against it is found") {
    const auto [path, target] = GENERATE(table<std::string, std::string>({
        {"runtime/store/a.cpp", "actors/task/state.h"},
        {"runtime/store/a.h", "apps/troupe/cli/command.h"},
        {"actors/task/a.cpp", "apps/troupe/cli/command.h"},
        {"apps/troupe/main.cpp", "bench/harness.h"},
        {"actors/task/a.cpp", "tests/support/world.h"},
        {"actors/task/a.cpp", "state.h"},
    }));
    CHECK(check_arrow({{path, "// A.\n#include \"" + target + "\"\n"}}).size() == 1);
  }
  SECTION("steps along it, and from tests, are not") {
    CHECK(check_arrow({{"apps/a.cpp", "#include \"schema/api/queue.capnp.h\"\n"}}).empty());
    CHECK(check_arrow({{"tests/a_test.cpp", "#include \"apps/troupe/cli/command.h\"\n"}}).empty());
    CHECK(check_arrow({{"runtime/a.cpp", "// #include \"apps/b.h\"\n"}}).empty());
  }
  SECTION("schema holds no C++") {
    CHECK(check_arrow({{"schema/api/a.h", ""}}).size() == 1);
  }
}

TEST_CASE("actors know no library that acts, and no other kind's state", "[tidy]") {
  SECTION("in the source") {
    require_none(check_actor_includes(source_tree()));
  }

  SECTION("each is found") {
    const auto include =
        GENERATE(as<std::string>{}, "<lmdb.h>", "<kj/async.h>", "<capnp/rpc-twoparty.h>",
                 "<caf/actor.hpp>", "<thread>", "<mutex>", "\"actors/worker/state.h\"");
    CHECK(check_actor_includes({{"actors/task/a.cpp", "#include " + include + "\n"}}).size() == 1);
    CHECK(check_actor_includes({{"runtime/a.cpp", "#include " + include + "\n"}}).empty());
  }
  SECTION("an actor's own state and others' messages are not") {
    CHECK(check_actor_includes({{"actors/task/codec.cpp",
                                 "#include \"actors/task/state.h\"\n"
                                 "#include \"actors/worker/messages.h\"\n"
                                 "#include <capnp/message.h>\n"}})
              .empty());
  }
}

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

TEST_CASE("headers are included once", "[tidy]") {
  require_none(check_headers(source_tree()));
  CHECK(check_headers({{"runtime/a.h", "// A.\n#pragma once\n"}}).empty());
  CHECK(check_headers({{"runtime/a.h", "// A.\n"}}).size() == 1);
}

TEST_CASE("the schema says what everything means", "[tidy]") {
  SECTION("in the source") {
    require_none(check_schema_comments(source_tree()));
  }

  const auto found = [](const std::string& text) {
    return check_schema_comments({{"schema/store/a.capnp", text}}).size();
  };
  SECTION("each declaration without a comment is found") {
    const std::string bare =
        "@0xa8e3d5c7b1f90246;\n"
        "using Cxx = import \"/capnp/c++.capnp\";\n"
        "$Cxx.namespace(\"a\");\n"
        "const limit :UInt32 = 1;\n"
        "\n"
        "struct Row {\n"
        "  name @0 :Text\n"
        "      $A.pattern(\"^#;{1,2}\\\"$\");\n"
        "  union {\n"
        "    end :group {\n"
        "      at @1 :Int64;\n"
        "    }\n"
        "    none @2 :Void;\n"
        "  }\n"
        "}\n"
        "\n"
        "enum State {\n"
        "  open @0;\n"
        "}\n"
        "\n"
        "interface Door {\n"
        "  shut @0 ()\n"
        "      -> (state :State);\n"
        "}\n";
    CHECK(found(bare) == 10);
  }
  SECTION("a comment behind it or on the next line is enough") {
    CHECK(found("struct Row {\n  # What it is.\n  name @0 :Text;  # what it means\n}\n") == 0);
    CHECK(found("struct Row {  # What it is.\n  name @0 :Text;\n  # What it means.\n}\n") == 0);
    CHECK(found("interface Door {\n  # Opens.\n  shut @0 () # now\n  -> ();\n}\n") == 0);
  }
  SECTION("one that is another's, or further down, is not") {
    CHECK(found("# Of the file.\n\nconst limit :UInt32 = 1;\n") == 1);
    CHECK(found("const limit :UInt32 = 1;\n\n# Too late.\n") == 1);
    CHECK(found("const a :UInt32 = 1;\nconst b :UInt32 = 1;  # what b means\n") == 1);
  }
}
