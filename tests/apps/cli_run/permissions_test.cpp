#include "apps/troupe/cli/permissions.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace troupe;
using namespace troupe::cli;

namespace {

using Lines = std::vector<std::string>;

const Lines creating = {"queue:create-task:low:a/b", "queue:create-task:project:none",
                        "queue:scheduler-id:-"};

Tasks tasks_of(std::size_t count) {
  Tasks tasks(count);
  for (auto& task : tasks) {
    task.definition_json =
        R"({"taskQueueId":"a/b","created":"2026-01-31T12:00:00Z","payload":{},)"
        R"("deadline":"2026-01-31T13:00:00Z","scopes":["queue:get-artifact:private/x"],)"
        R"("metadata":{"name":"n","description":"","owner":"o","source":"https://x"}})";
  }
  return tasks;
}

/// What is said to a client with these scopes; empty: it may go on.
std::string said(const PermissionsWanted& wanted, const Lines& scopes) {
  const auto judged = judge(wanted, ScopeSet::of(scopes), "ci/a");
  if (judged) return {};
  CHECK(judged.error().code == Errc::forbidden);
  return judged.error().detail;
}

}  // namespace

TEST_CASE("creating takes what creating each task takes", "[permissions]") {
  Permissions permissions;
  add_creation(permissions, tasks_of(3), false);
  CHECK(permissions.missing(ScopeSet::of({"*"})) == Lines{});
  Lines held = creating;
  CHECK(permissions.missing(ScopeSet::of(held)) == Lines{"`queue:get-artifact:private/x`"});
  held[0] = "queue:get-artifact:private/*";
  CHECK(permissions.missing(ScopeSet::of(held)) ==
        Lines{"`queue:create-task:lowest:a/b` or `queue:create-task:very-low:a/b` or another"});
}

TEST_CASE("an upload takes what a worker of its own does", "[permissions]") {
  Permissions permissions;
  add_creation(permissions, {}, true);
  CHECK(permissions.missing(ScopeSet::of({"queue:status:*"})) ==
        Lines{"`queue:claim-work:troupe/upload`", "`queue:worker-id:troupe-cli/*`"});
}

TEST_CASE("all that is missing is told before anything is created", "[permissions]") {
  PermissionsWanted wanted;
  wanted.creating.call("troupe", "createTasks").call("troupe", "releaseTasks");
  add_sealing(wanted.creating, tasks_of(1), any_id);
  wanted.following.call("troupe", "events");
  CHECK(said(wanted, {"*"}) == "");
  CHECK(said(wanted, {"troupe:*", "queue:seal-task-group:-/*"}) == "");
  CHECK(said(wanted, {"troupe:createTasks"}) ==
        "client ci/a lacks `troupe:releaseTasks`, `queue:seal-task-group:-/*`, `troupe:events`: "
        "nothing was created; have the scopes given to it");
  const std::string unseen =
      said(wanted, {"troupe:createTasks", "troupe:releaseTasks", "queue:seal-task-group:*"});
  CHECK(unseen.starts_with(
      "client ci/a lacks `troupe:events`, which following takes: nothing was created"));
  CHECK(unseen.ends_with("--detach"));
}
