// Changes of a task's priority: who is claimed first, and what others see. Source: spec/queue.md,
// section 6.
#include "actors/task/queries.h"
#include "runtime/store/message.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

void create(Cast& cast, const std::string& id, const NewTask& task = {}) {
  REQUIRE(cast.ask(task_id(id), create_task(id, task)).ok());
}

Result<Bytes> change(Cast& cast, const std::string& id, Priority to) {
  return cast.ask(task_id(id), change_priority(to));
}

// Who is claimed, one after the other.
Names claim_all(Cast& cast) {
  cast.take_events();
  cast.tell(default_queue, await({.count = 10}));
  cast.run();
  return cast.take_events();
}

TEST_CASE("a task that waits moves, and keeps its age", "[priority]") {
  Cast cast;
  for (const char* id : {"A", "B", "C"}) create(cast, id);
  create(cast, "D", {.priority = Priority::HIGH});
  const auto answer = change(cast, "C", Priority::HIGH);
  REQUIRE(answer.ok());
  Stored<schema::TaskStatus> status(answer.value());
  CHECK(status.get().getPriority() == Priority::HIGH);
  REQUIRE(change(cast, "A", Priority::LOW).ok());
  REQUIRE(change(cast, "A", Priority::LOWEST).ok());
  // C is older than D, and A as old as it was.
  CHECK(claim_all(cast) ==
        Names{"task-running C.0", "task-running D.0", "task-running A.0", "task-running B.0"});
  CHECK(cast.faults == Names{});
}

TEST_CASE("the answer waits until the entry is in its new place", "[priority]") {
  Cast cast;
  const ReplyTo created = cast.tell(task_id("A"), create_task("A"));
  // Until the run is there and its entry is on its way.
  while (cast.task("A").runs.empty()) REQUIRE(cast.step());
  const ReplyTo changed = cast.tell(task_id("A"), change_priority(Priority::HIGH));
  while (cast.task("A").priority != Priority::HIGH) REQUIRE(cast.step(1));
  CHECK(cast.replies(changed).empty());
  while (cast.replies(changed).empty()) REQUIRE(cast.step());
  CHECK(cast.replies(created).size() == 1);
  const std::string key = cast.rows(default_queue).all().rbegin()->first.second;
  CHECK(key.at(0) == 6 - static_cast<int>(Priority::HIGH));
  cast.run();
  CHECK(cast.faults == Names{});
}

TEST_CASE("a move that a claim overtakes is answered with the claim", "[priority]") {
  Cast cast;
  create(cast, "A");
  cast.tell(default_queue, await({}));
  REQUIRE(cast.step());  // the entry is out of the queue, the claim on its way
  const ReplyTo changed = cast.tell(task_id("A"), change_priority(Priority::HIGH));
  REQUIRE(cast.step(1));
  REQUIRE(cast.task("A").priority == Priority::HIGH);
  REQUIRE(cast.task("A").state() == State::PENDING);
  cast.run();
  REQUIRE(cast.replies(changed).size() == 1);
  CHECK(state_in(cast.replies(changed)[0].body.value()) == State::RUNNING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task that is claimed keeps its run, the next one has the new priority", "[priority]") {
  Cast cast;
  cast.tell(default_worker, connect({}));
  create(cast, "A");
  create(cast, "B", {.priority = Priority::MEDIUM});
  REQUIRE(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1)).ok());
  REQUIRE(change(cast, "A", Priority::HIGHEST).ok());
  REQUIRE(cast.ask(task_id("A"),
                   resolve(cast.claim("A"), {Outcome::EXCEPTION, Reason::INTERMITTENT_TASK}))
              .ok());
  CHECK(claim_all(cast) == Names{"task-running A.1", "task-running B.0"});
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task that ended once keeps its priority although it runs again", "[priority]") {
  const bool told = GENERATE(false, true);
  Cast cast;
  create(cast, "A");
  cast.tell(task_id("A"), cancel());
  REQUIRE(cast.step());
  REQUIRE(cast.task("A").telling);
  if (told) cast.run();
  // Before its group has heard of the end, and after.
  cast.tell(task_id("A"), rerun());
  const ReplyTo changed = cast.tell(task_id("A"), change_priority(Priority::HIGH));
  cast.run();
  REQUIRE(cast.replies(changed).size() == 1);
  CHECK(cast.replies(changed)[0].body.error().code == Errc::conflict);
  CHECK(cast.task("A").priority == Priority::LOWEST);
  CHECK(cast.task("A").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task is what it is now: to readers, and to those who create it again", "[priority]") {
  Cast cast;
  create(cast, "A", {.priority = Priority::LOW});
  REQUIRE(change(cast, "A", Priority::HIGH).ok());
  const auto snapshot = cast.snapshot();
  auto view = task::find_task(snapshot, "A");
  REQUIRE(view);
  capnp::MallocMessageBuilder message;
  auto definition = message.initRoot<schema::TaskDefinition>();
  view->fill_definition(definition);
  CHECK(definition.getPriority() == Priority::HIGH);
  const auto first = cast.ask(task_id("A"), create_task("A", {.priority = Priority::LOW}));
  CHECK(first.error().code == Errc::conflict);
  CHECK(cast.ask(task_id("A"), create_task("A", {.priority = Priority::HIGH})).ok());
  CHECK(cast.faults == Names{});
}

TEST_CASE("a cancelled task takes its moved entry along", "[priority]") {
  Cast cast;
  create(cast, "A");
  const ReplyTo changed = cast.tell(task_id("A"), change_priority(Priority::HIGH));
  const ReplyTo cancelled = cast.tell(task_id("A"), cancel());
  cast.run();
  CHECK(cast.replies(changed).size() == 1);
  CHECK(cast.replies(cancelled).size() == 1);
  CHECK(cast.rows(default_queue).count(tables::queue_entries.id) == 0);
  CHECK(cast.faults == Names{});
}

}  // namespace
}  // namespace troupe::test
