#include "apps/troupe/worker/artifact_list.h"

#include "apps/troupe/worker/content_type.h"
#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <map>

namespace troupe::worker {
namespace {

using Type = ArtifactRule::Type;

ArtifactRule rule(Type type, const std::string& path, const std::string& name) {
  ArtifactRule out;
  out.type = type;
  out.path = path;
  out.name = name;
  return out;
}

std::map<std::string, ArtifactItem> list(const test::TempDir& dir,
                                         const std::vector<ArtifactRule>& rules) {
  const std::atomic<bool> cancelled{false};
  const auto items = list_artifacts(dir.path(), rules, cancelled);
  REQUIRE(items.ok());
  std::map<std::string, ArtifactItem> by_name;
  for (const auto& item : items.value()) by_name[item.name] = item;
  CHECK(by_name.size() == items.value().size());
  return by_name;
}

TEST_CASE("files become artifacts by their rules", "[worker][artifacts]") {
  const test::TempDir dir;
  test::write_file(dir / "out.json", "{}");
  auto typed = rule(Type::file, "out.json", "public/typed");
  typed.content_type = "text/x-mine";
  typed.expires = Instant{5};
  const auto items = list(dir, {rule(Type::file, "out.json", "public/out.json"), typed,
                                rule(Type::file, dir / "out.json", "public/absolute")});
  CHECK(items.at("public/out.json").content_type == "application/json");
  CHECK(items.at("public/out.json").path == dir / "out.json");
  CHECK(items.at("public/typed").content_type == "text/x-mine");
  CHECK(items.at("public/typed").expires == Instant{5});
  CHECK(!items.at("public/absolute").is_error());
}

TEST_CASE("what is not there or not as it should be becomes an error artifact",
          "[worker][artifacts]") {
  const test::TempDir dir;
  mkdir((dir / "folder").c_str(), 0755);
  test::write_file(dir / "file", "x");
  mkfifo((dir / "pipe").c_str(), 0600);
  auto optional = rule(Type::file, "nothing", "optional");
  optional.optional = true;
  const auto items =
      list(dir, {rule(Type::file, "nothing", "missing"), optional,
                 rule(Type::file, "folder", "not-a-file"),
                 rule(Type::directory, "file", "not-a-folder"), rule(Type::file, "pipe", "pipe")});
  CHECK(items.at("missing").reason == "file-missing-on-worker");
  CHECK(!items.at("missing").optional);
  CHECK(items.at("optional").reason == "file-missing-on-worker");
  CHECK(items.at("optional").optional);
  CHECK(items.at("not-a-file").reason == "invalid-resource-on-worker");
  CHECK(items.at("not-a-folder").reason == "invalid-resource-on-worker");
  CHECK(items.at("pipe").reason == "invalid-resource-on-worker");
}

TEST_CASE("directories are walked, links followed only inside", "[worker][artifacts]") {
  const test::TempDir dir;
  const test::TempDir other;
  test::write_file(other / "secret", "x");
  mkdir((dir / "r").c_str(), 0755);
  mkdir((dir / "r/sub").c_str(), 0755);
  mkdir((dir / "r/empty").c_str(), 0755);
  test::write_file(dir / "r/a.txt", "a");
  test::write_file(dir / "r/sub/b.log", "b");
  test::write_file(dir / "beside", "c");
  REQUIRE(symlink("../beside", (dir / "r/inside").c_str()) == 0);
  REQUIRE(symlink((other / "secret").c_str(), (dir / "r/outside").c_str()) == 0);
  REQUIRE(symlink("nowhere", (dir / "r/broken").c_str()) == 0);
  REQUIRE(symlink("..", (dir / "r/loop").c_str()) == 0);

  const auto items = list(dir, {rule(Type::directory, "r", "public/r")});
  CHECK(items.size() == 6);
  CHECK(items.at("public/r/a.txt").content_type == "text/plain");
  CHECK(items.at("public/r/sub/b.log").content_type == "text/plain");
  CHECK(items.at("public/r/inside").path == dir / "beside");
  CHECK(items.at("public/r/outside").reason == "invalid-resource-on-worker");
  CHECK(items.at("public/r/broken").reason == "file-missing-on-worker");
  CHECK(items.at("public/r/loop").reason == "invalid-resource-on-worker");
}

TEST_CASE("overlapping rules list a file once, and strictly", "[worker][artifacts]") {
  const test::TempDir dir;
  mkdir((dir / "r").c_str(), 0755);
  test::write_file(dir / "r/a", "a");
  auto optional = rule(Type::directory, "r", "p");
  optional.optional = true;
  const auto items = list(dir, {optional, rule(Type::file, "r/a", "p/a")});
  CHECK(items.size() == 1);
  CHECK(!items.at("p/a").optional);
}

TEST_CASE("content types follow the extension", "[worker][artifacts]") {
  CHECK(content_type_of("a/live.log") == "text/plain");
  CHECK(content_type_of("a.jsonl") == "application/jsonl");
  CHECK(content_type_of("index.html") == "text/html");
  CHECK(content_type_of("dir.d/none") == "application/octet-stream");
  CHECK(content_type_of("x.unheard-of") == "application/octet-stream");
}

}  // namespace
}  // namespace troupe::worker
