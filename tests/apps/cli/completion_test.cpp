#include "apps/troupe/cli/completion.h"

#include "apps/troupe/cli/command_tree.h"
#include "runtime/base/random.h"
#include "tests/apps/cli/sample_tree.h"

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace troupe::cli {
namespace {

// What bash offers after `words`, the last of which is being written; separated by blanks.
std::string bash_offers(const std::string& script, const std::vector<std::string>& words) {
  namespace fs = std::filesystem;
  const fs::path file = fs::temp_directory_path() / ("troupe-completion-" + new_slugid());
  {
    std::ofstream out(file);
    out << script << "COMP_WORDS=(";
    for (const std::string& word : words) out << " '" << word << "'";
    out << ")\nCOMP_CWORD=" << words.size() - 1 << "\n_troupe\necho \"${COMPREPLY[*]}\"\n";
  }
  std::FILE* pipe = popen(("bash " + file.string()).c_str(), "r");
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), pipe));
  CHECK(pclose(pipe) == 0);
  fs::remove(file);
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("bash is offered what fits at each place", "[completion]") {
  const SampleTree tree;
  const auto script = completion_script(tree.app, "bash");
  REQUIRE(script.ok());
  CHECK(bash_offers(script.value(), {"troupe", "ta"}) == "task");
  CHECK(bash_offers(script.value(), {"troupe", "--v"}) == "--version");
  CHECK(bash_offers(script.value(), {"troupe", "task", "l"}) == "log list");
  CHECK(bash_offers(script.value(), {"troupe", "task", "log", "last", "--f"}) == "--follow");
  CHECK(bash_offers(script.value(), {"troupe", "--json", "task", "log", "--r"}) == "--run");
  CHECK(bash_offers(script.value(), {"troupe", "task", "list", "--d"}) == "--data");
  CHECK(bash_offers(script.value(), {"troupe", "task", "list", "--v"}).empty());
  CHECK(bash_offers(script.value(), {"troupe", "task", "list", "task"}).empty());
}

TEST_CASE("options are offered once a dash is there, so that files can be", "[completion]") {
  const SampleTree tree;
  const std::string script = completion_script(tree.app, "bash").value();
  CHECK(bash_offers(script, {"troupe", "task", "log", ""}).empty());
  CHECK(bash_offers(script, {"troupe", "task", ""}) == "log list");
  CHECK(bash_offers(script, {"troupe", "task", "list", "--da"}) == "--data");
}

TEST_CASE("the values of an option are offered after it", "[completion]") {
  const SampleTree tree;
  const std::string script = completion_script(tree.app, "bash").value();
  CHECK(bash_offers(script, {"troupe", "task", "list", "--state", ""}) ==
        "pending running completed");
  CHECK(bash_offers(script, {"troupe", "task", "list", "--state", "r"}) == "running");
  // A value that may be anything is no sub-command: files are offered.
  CHECK(bash_offers(script, {"troupe", "--data", "ta"}).empty());
}

TEST_CASE("each shell's script knows every command and option", "[completion]") {
  const SampleTree tree;
  const auto shell = GENERATE(as<std::string>(), "bash", "zsh", "fish");
  const auto script = completion_script(tree.app, shell);
  REQUIRE(script.ok());
  for (const char* word : {"task", "log", "list", "events", "--follow", "-f", "--run", "--json"}) {
    INFO(shell << " " << word);
    CHECK(script.value().find(word) != std::string::npos);
  }
}

TEST_CASE("descriptions are quoted for the shell", "[completion]") {
  const SampleTree tree;
  CHECK(completion_script(tree.app, "fish").value().find("'It'\\''s the log'") !=
        std::string::npos);
}

TEST_CASE("another shell is refused with those there are", "[completion]") {
  const SampleTree tree;
  const auto script = completion_script(tree.app, "tcsh");
  REQUIRE_FALSE(script.ok());
  CHECK(script.error().detail.find("bash, zsh and fish") != std::string::npos);
}

}  // namespace troupe::cli
