#include "tests/apps/group_file/support.h"

using namespace troupe;
using namespace troupe::group_file;
using namespace troupe::group_file::test;

namespace {

constexpr std::string_view example = R"(upload: .
defaults:
  maxRunTime: 20m
  env: {CMAKE_BUILD_TYPE: Release}
tasks:
  build:
    run: |
      cmake -B build && cmake --build build -j2
      tar czf app.tar.gz build
    artifacts: [app.tar.gz]
  test:
    matrix: {suite: [unit, crash], seed: [1, 2]}
    inputs: [build:app.tar.gz]
    run: tar xzf app.tar.gz && build/tests --suite "$suite" --seed "$seed"
    artifacts: [{path: report/, optional: true}]
    retries: 2
    retryOn: [75]
  package:
    needs: [test]
    inputs: [{from: build, artifact: app.tar.gz, directory: app}]
    run: scripts/package app
    artifacts: [{path: app.deb, name: public/app.deb}]
    expires: 90d
  notice:
    needs: [test, package]
    requires: all-resolved
    run: scripts/notice
)";

}  // namespace

TEST_CASE("the documented example becomes plain definitions", "[group_file]") {
  Expanded group(example);
  CHECK(group.names() == std::vector<std::string>{"upload", "build", "test-unit-1", "test-unit-2",
                                                  "test-crash-1", "test-crash-2", "package",
                                                  "notice"});

  SECTION("every task is of the group, and has owner, source and a name") {
    for (const auto& [name, definition] : group.definitions) {
      CHECK(group.at(name, "/taskGroupId") == "\"GGGGGGGGQGGGGGGGGGGGGG\"");
      CHECK(group.at(name, "/metadata/name") == "\"" + name + "\"");
      CHECK(group.at(name, "/metadata/owner") == "\"me@example.com\"");
      CHECK(group.at(name, "/metadata/source") == "\"https://example.com/repo\"");
      CHECK(group.at(name, "/created") == "\"2026-01-31T12:00:00.000Z\"");
    }
  }
  SECTION("the upload is a task that the command line completes itself") {
    CHECK(group.tasks[0].is_upload);
    CHECK(group.tasks[0].queue == "troupe/upload");
    CHECK(group.at("upload", "/taskQueueId") == "\"troupe/upload\"");
    CHECK(group.at("upload", "/retries") == "0");
    CHECK(group.at("upload", "/payload") == "{}");
    // As long as the longest of those that mount it.
    CHECK(group.at("upload", "/deadline") == "\"2026-02-01T12:00:00.000Z\"");
    CHECK(group.at("upload", "/expires") == "\"2026-05-01T12:00:00.000Z\"");
    CHECK_FALSE(group.tasks[1].is_upload);
  }
  SECTION("build runs in the uploaded files") {
    const std::string upload = group.ids["upload"];
    CHECK(group.at("build", "/dependencies") == "[\"" + upload + "\"]");
    CHECK(group.at("build", "/payload/command") ==
          "[[\"/bin/sh\",\"-ec\",\"cd src\\ncmake -B build && cmake --build build -j2\\n"
          "tar czf app.tar.gz build\\n\"]]");
    CHECK(group.at("build", "/payload/mounts") ==
          "[{\"directory\":\"src\",\"format\":\"tar.zst\",\"content\":{\"taskId\":\"" + upload +
              "\",\"artifact\":\"private/source.tar.zst\"}}]");
    CHECK(group.at("build", "/scopes") == "[\"queue:get-artifact:private/source.tar.zst\"]");
    CHECK(group.at("build", "/payload/artifacts") ==
          "[{\"path\":\"src/app.tar.gz\",\"type\":\"file\",\"name\":\"public/app.tar.gz\"}]");
    CHECK(group.at("build", "/payload/maxRunTime") == "1200");
    CHECK(group.at("build", "/payload/env") == "{\"CMAKE_BUILD_TYPE\":\"Release\"}");
    CHECK(group.at("build", "/taskQueueId") == "\"local/default\"");
    CHECK(group.at("build", "/retries") == "5");
    CHECK(group.at("build", "/deadline") == "\"2026-02-01T12:00:00.000Z\"");
    CHECK(group.at("build", "/expires") == "\"2026-03-02T12:00:00.000Z\"");
  }
  SECTION("each combination of the matrix is a task of its own") {
    CHECK(group.at("test-crash-2", "/payload/env") ==
          R"({"CMAKE_BUILD_TYPE":"Release","suite":"crash","seed":"2"})");
    CHECK(group.at("test-crash-2", "/payload/command/0/2") ==
          R"("cd src\ntar xzf app.tar.gz && build/tests --suite \"$suite\" --seed \"$seed\"")");
    CHECK(group.at("test-unit-1", "/payload/mounts/1") ==
          "{\"file\":\"src/app.tar.gz\",\"content\":{\"taskId\":\"" + group.ids["build"] +
              "\",\"artifact\":\"public/app.tar.gz\"}}");
    CHECK(group.at("test-unit-1", "/scopes/1") == "\"queue:get-artifact:public/app.tar.gz\"");
    CHECK(group.at("test-unit-1", "/payload/artifacts/0") ==
          R"({"path":"src/report","optional":true,"type":"directory","name":"public/report"})");
    CHECK(group.at("test-unit-1", "/retries") == "2");
    CHECK(group.at("test-unit-1", "/payload/onExitStatus") == "{\"retry\":[75]}");
    CHECK(group.at("test-unit-1", "/matrix").empty());
  }
  SECTION("the name of a matrix means all of it") {
    CHECK(group.definitions["package"]["dependencies"].Size() == 6);
    CHECK(group.at("package", "/payload/mounts/1") ==
          "{\"directory\":\"src/app\",\"content\":{\"taskId\":\"" + group.ids["build"] +
              "\",\"artifact\":\"public/app.tar.gz\"},\"format\":\"tar.gz\"}");
    CHECK(group.at("package", "/expires") == "\"2026-05-01T12:00:00.000Z\"");
    CHECK(group.at("notice", "/requires") == "\"all-resolved\"");
    CHECK(group.definitions["notice"]["dependencies"].Size() == 6);
  }
}

TEST_CASE("`only` takes what it names, what that needs, and the upload", "[group_file]") {
  ExpandOptions only_test = options();
  only_test.only = {"test-crash-1"};
  CHECK(Expanded(example, only_test).names() ==
        std::vector<std::string>{"upload", "build", "test-crash-1"});
  only_test.only = {"test"};
  CHECK(Expanded(example, only_test).tasks.size() == 6);

  only_test.only = {"biuld"};
  const auto file = parse(example, "troupe.yml");
  REQUIRE(file.ok());
  CHECK(expand(file.value(), only_test).error().detail ==
        "troupe.yml: no task `biuld`; did you mean `build`?");
}

TEST_CASE("variables of the command line reach every task but the upload", "[group_file]") {
  ExpandOptions with_env = options();
  with_env.env = {{"CMAKE_BUILD_TYPE", "Debug"}, {"CI", "1"}};
  Expanded group(example, with_env);
  CHECK(group.at("notice", "/payload/env") == R"({"CMAKE_BUILD_TYPE":"Debug","CI":"1"})");
  CHECK(group.at("upload", "/payload") == "{}");
}
