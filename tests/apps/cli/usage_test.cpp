#include "apps/troupe/cli/usage.h"

#include "apps/troupe/cli/command_tree.h"
#include "tests/apps/cli/sample_tree.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace troupe::cli {
namespace {

// The message for a command line, empty if there is nothing wrong with it.
std::string complaint(std::vector<std::string> arguments) {
  SampleTree tree;
  const std::vector<std::string> in_order = arguments;
  std::reverse(arguments.begin(), arguments.end());
  try {
    tree.app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return usage_error(tree.app, in_order, error.what());
  }
  return {};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an unknown command is named, with the nearest", "[usage]") {
  CHECK(has(complaint({"tsk", "log"}), "unknown command \"tsk\""));
  CHECK(has(complaint({"tsk", "log"}), "task"));
  CHECK(has(complaint({"task", "lgo"}), "log"));
  CHECK(has(complaint({"task", "lgo"}), "`troupe task --help`"));
}

TEST_CASE("an unknown option is named, with the nearest", "[usage]") {
  CHECK(has(complaint({"task", "log", "last", "--folow"}), "unknown option --folow"));
  CHECK(has(complaint({"task", "log", "last", "--folow"}), "--follow"));
  CHECK(has(complaint({"events", "--jsn"}), "--json"));
  CHECK(has(complaint({"--dta=x", "events"}), "--data"));
}

TEST_CASE("a missing command is told with those there are", "[usage]") {
  CHECK(has(complaint({"task"}), "log, list"));
  CHECK(has(complaint({}), "task, events"));
}

TEST_CASE("other mistakes name the command", "[usage]") {
  CHECK(has(complaint({"task", "log"}), "task log: TASK"));
  CHECK(has(complaint({"task", "log", "last", "--run"}), "task log: --run"));
}

TEST_CASE("an argument too many is named", "[usage]") {
  CHECK(complaint({"task", "log", "last", "x"}) ==
        "task log: unexpected argument \"x\"; see `troupe task log --help`");
  CHECK(complaint({"events", "show", "x"}) ==
        "events: unexpected argument \"show\"; see `troupe events --help`");
}

TEST_CASE("an option without its value is named", "[usage]") {
  CHECK(complaint({"--data"}) == "--data needs a value; see `troupe --help`");
  CHECK(complaint({"--data=", "task", "list"}) == "--data needs a value; see `troupe --help`");
  CHECK(has(complaint({"task", "log", "last", "--run"}), "task log: --run needs a value"));
}

TEST_CASE("what is no number is told in words", "[usage]") {
  CHECK(complaint({"task", "list", "--limit", "x"}) ==
        "task list: --limit: a whole number, not \"x\"; see `troupe task list --help`");
  CHECK(complaint({"task", "list", "--limit", "99999999999999999999"}) ==
        "task list: --limit: 99999999999999999999 is too large; see `troupe task list --help`");
}

TEST_CASE("help for what there is not is a mistake", "[usage]") {
  const SampleTree tree;
  CHECK(has(help_error(tree.app, {"task", "lgo", "--help"}), "unknown command \"lgo\""));
  CHECK(help_error(tree.app, {"task", "log", "--help"}).empty());
  CHECK(help_error(tree.app, {"task", "log", "last", "--run", "1", "-h"}).empty());
  CHECK(help_error(tree.app, {"--help"}).empty());
}

TEST_CASE("global options may stand before and after the command", "[usage]") {
  CHECK(complaint({"--json", "task", "log", "last"}).empty());
  CHECK(complaint({"task", "log", "last", "--json", "--data", "x"}).empty());
  CHECK(complaint({"task", "--json", "list"}).empty());
}

TEST_CASE("a task named like a command is a task", "[usage]") {
  CHECK(complaint({"task", "log", "events"}).empty());
  CHECK(complaint({"task", "log", "task"}).empty());
}

TEST_CASE("every line of a complaint is one line", "[usage]") {
  CHECK_FALSE(has(complaint({"task", "log"}), "\n"));
}

}  // namespace troupe::cli
