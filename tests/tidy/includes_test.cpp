// Who may include whom, and how often.
#include "tests/tidy/source_text.h"
#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace troupe::tidy {
namespace {

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

Findings check_headers(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (path.ends_with(".h") && text.find("\n#pragma once\n") == std::string::npos) {
      findings.push_back(path + ": no `#pragma once` after its overview");
    }
  }
  return findings;
}

}  // namespace

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

TEST_CASE("headers are included once", "[tidy]") {
  require_none(check_headers(source_tree()));
  CHECK(check_headers({{"runtime/a.h", "// A.\n#pragma once\n"}}).empty());
  CHECK(check_headers({{"runtime/a.h", "// A.\n"}}).size() == 1);
}

}  // namespace troupe::tidy
