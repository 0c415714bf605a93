// createTask as a whole: the task, its group, the tasks that it needs and its queue.
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

// Creates a task; none of the errors is expected to be 0.
int create(Cast& cast, const std::string& id, const NewTask& task = {}) {
  const auto answer = cast.ask(task_id(id), create_task(id, task));
  return answer.ok() ? 0 : static_cast<int>(answer.error().code);
}

constexpr int invalid = static_cast<int>(Errc::invalid);
constexpr int conflict = static_cast<int>(Errc::conflict);

// Runs it on worker g/w until it ends so. Requires that it is pending.
void run_to(Cast& cast, const std::string& id, Outcome outcome) {
  REQUIRE(cast.ask(task_id(id), claim_by_name(cast.claim(id).run, "g/w", 1)).ok());
  const Report report{outcome, Reason::NONE};
  REQUIRE(cast.ask(task_id(id), resolve(cast.claim(id), report)).ok());
}

TEST_CASE("a task that needs nothing is pending at once", "[create]") {
  Cast cast;
  const auto answer = cast.ask(task_id("A"), create_task("A"));
  REQUIRE(answer.ok());
  CHECK(state_in(answer.value()) == State::PENDING);
  CHECK(cast.take_events() == Names{"task-defined A._", "task-pending A.0"});
  CHECK(cast.rows(default_queue).count(tables::queue_entries.id) == 1);
  CHECK(cast.timers(task_id("A")).at("deadline").due == start + hour + Duration{1});
  CHECK(cast.faults == Names{});
}

TEST_CASE("a held task waits for the group's release", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A", {.group = "G", .hold = true}) == 0);
  REQUIRE(create(cast, "B", {.group = "G", .needs = {"A"}, .hold = true}) == 0);
  CHECK(cast.take_events() == Names{"task-defined A._", "task-defined B._"});
  REQUIRE(cast.ask(task_group_id("G"), release()).ok());
  CHECK(cast.take_events() == Names{"task-pending A.0"});
  CHECK_FALSE(cast.task("B").held);
  CHECK(cast.task("B").state() == State::UNSCHEDULED);
  REQUIRE(cast.ask(task_group_id("G"), release()).ok());
  CHECK(cast.take_events().empty());
  run_to(cast, "A", Outcome::COMPLETED);
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a release finds members that joined behind the back of another", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "B", {.group = "G", .hold = true}) == 0);
  cast.tell(task_group_id("G"), release());
  cast.step();  // B is about to be told
  cast.tell(task_id("A"), create_task("A", {.group = "G", .hold = true}));
  for (int i = 0; i < 3; ++i) cast.step(1);
  REQUIRE(cast.task("A").visible());
  REQUIRE(cast.ask(task_group_id("G"), release()).ok());
  CHECK_FALSE(cast.task("A").held);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a refusal leaves nothing behind", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A", {.group = "A"}) == 0);
  REQUIRE(create(cast, "sealed", {.group = "sealed", .scheduler = "s"}) == 0);
  REQUIRE(cast.ask(task_group_id("sealed"), seal()).ok());
  cast.take_events();

  SECTION("a missing dependency") {
    CHECK(create(cast, "B", {.group = "G", .needs = {"A", "none"}}) == invalid);
    CHECK(cast.rows(task_group_id("G")).empty());
  }
  SECTION("a dependency that expires before the deadline") {
    const Instant soon = start + hour;
    REQUIRE(create(cast, "short", {.expires = soon}) == 0);
    cast.take_events();
    const NewTask task{.group = "G", .needs = {"A", "short"}, .deadline = soon + minute};
    CHECK(create(cast, "B", task) == invalid);
    CHECK(cast.rows(task_id("short")).count(tables::task_edges.id) == 0);
  }
  SECTION("a sealed group") {
    const NewTask task{.group = "sealed", .scheduler = "s", .needs = {"A"}};
    CHECK(create(cast, "B", task) == conflict);
  }
  SECTION("a group of another scheduler") {
    CHECK(create(cast, "B", {.group = "A", .scheduler = "other"}) == conflict);
  }
  CHECK(cast.rows(task_id("B")).empty());
  CHECK(cast.timers(task_id("B")).empty());
  CHECK(cast.rows(task_id("A")).count(tables::task_edges.id) == 0);
  CHECK(cast.take_events().empty());
  // The id is free again.
  CHECK(create(cast, "B", {.needs = {"A"}}) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a refusal names all that is missing", "[create]") {
  Cast cast;
  const auto answer = cast.ask(task_id("B"), create_task("B", {.needs = {"one", "two"}}));
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().detail == "dependencies do not exist: one, two");
}

TEST_CASE("the same again is answered as before and published again", "[create]") {
  Cast cast;
  const NewTask task{.payload = R"({"a": 1, "b": [2]})"};
  const NewTask reordered{.payload = R"({"b":[2],"a":1})"};
  REQUIRE(create(cast, "A", task) == 0);
  cast.take_events();
  CHECK(create(cast, "A", reordered) == 0);
  CHECK(cast.take_events() == Names{"task-defined A._", "task-pending A.0"});
  CHECK(cast.task("A").runs.size() == 1);
  REQUIRE(cast.ask(task_group_id("A"), seal()).ok());
  CHECK(create(cast, "A", task) == conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("another definition is refused", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  CHECK(create(cast, "A", {.payload = "[]"}) == conflict);
  CHECK(create(cast, "A", {.priority = Priority::HIGH}) == conflict);
  CHECK(create(cast, "A", {.extra = R"({"a": 1})"}) == conflict);
  CHECK(create(cast, "A", {.deadline = start + minute}) == conflict);
}

TEST_CASE("commands that come during a creation share its end", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  const NewTask task{.needs = {"A"}};
  const auto first = cast.tell(task_id("B"), create_task("B", task));
  const auto same = cast.tell(task_id("B"), create_task("B", task));
  const auto other = cast.tell(task_id("B"), create_task("B", {.needs = {"none"}}));
  cast.run();
  REQUIRE(cast.replies(first).size() == 1);
  REQUIRE(cast.replies(same).size() == 1);
  REQUIRE(cast.replies(other).size() == 1);
  CHECK(cast.replies(first)[0].body.ok());
  CHECK(cast.replies(same)[0].body.ok());
  CHECK(cast.replies(other)[0].body.error().code == Errc::conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("each of several equal commands is published", "[create]") {
  const bool waits = GENERATE(false, true);
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  cast.take_events();
  const NewTask task{.needs = waits ? Names{"A"} : Names{}};
  for (int i = 0; i < 3; ++i) cast.tell(task_id("B"), create_task("B", task));
  cast.run();
  CHECK(cast.unanswered() == 0);
  const Names once =
      waits ? Names{"task-defined B._"} : Names{"task-defined B._", "task-pending B.0"};
  Names expected;
  for (int i = 0; i < 3; ++i) expected.insert(expected.end(), once.begin(), once.end());
  CHECK(cast.take_events() == expected);
  CHECK(cast.task("B").runs.size() == (waits ? 0 : 1));
  CHECK(cast.faults == Names{});
}

TEST_CASE("who waited for a creation that is refused gets the next one", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  REQUIRE(cast.ask(task_group_id("A"), seal()).ok());
  cast.take_events();
  // By the group at once, by the group in the end, by a dependency.
  const auto refused = GENERATE(
      values<NewTask>({{.group = "A"}, {.group = "A", .needs = {"A"}}, {.needs = {"A", "none"}}}));
  const NewTask good{.needs = {"A"}, .requirement = Requires::ALL_RESOLVED, .payload = "[1]"};
  const auto first = cast.tell(task_id("B"), create_task("B", refused));
  const auto second = cast.tell(task_id("B"), create_task("B", good));
  const auto same = cast.tell(task_id("B"), create_task("B", good));
  const auto other = cast.tell(task_id("B"), create_task("B", {.payload = "[2]"}));
  cast.run();
  CHECK_FALSE(cast.replies(first).at(0).body.ok());
  REQUIRE(cast.replies(second).at(0).body.ok());
  CHECK(state_in(cast.replies(second)[0].body.value()) == State::UNSCHEDULED);
  CHECK(cast.replies(same).at(0).body.ok());
  CHECK(cast.replies(other).at(0).body.error().code == Errc::conflict);
  CHECK(cast.unanswered() == 0);
  CHECK(cast.take_events() == Names{"task-defined B._", "task-defined B._"});
  run_to(cast, "A", Outcome::COMPLETED);
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("if all that wait are refused, nothing is left", "[create]") {
  Cast cast;
  for (const auto* need : {"none", "nowhere", "nobody"}) {
    cast.tell(task_id("B"), create_task("B", {.needs = {need}}));
  }
  cast.run();
  CHECK(cast.unanswered() == 0);
  CHECK(cast.rows(task_id("B")).empty());
  CHECK(cast.take_events().empty());
  CHECK(cast.faults == Names{});
}

TEST_CASE("what was meant for a refused creation is no answer to the next", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  REQUIRE(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1)).ok());
  cast.tell(task_id("D"), create_task("D", {.needs = {"A", "nowhere"}}));
  for (int i = 0; i < 5; ++i) cast.step();  // both have answered
  cast.tell(task_id("A"), resolve(cast.claim("A"), {}));
  cast.step(2);  // A ends, and tells D
  for (int i = 0; i < 3; ++i) cast.step();
  REQUIRE_FALSE(cast.task("D").exists);
  cast.tell(task_id("D"), create_task("D", {.needs = {"A"}}));
  for (int i = 0; i < 5; ++i) cast.step(1);  // all but A's word to the first D
  REQUIRE(cast.task("D").creation);
  cast.run();
  CHECK(cast.faults == Names{});
  CHECK(cast.task("D").state() == State::PENDING);
}

TEST_CASE("a creation goes on after a restart, wherever it was", "[create]") {
  const auto steps = GENERATE(range(std::size_t{0}, std::size_t{14}));
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  cast.tell(task_id("B"), create_task("B", {.group = "G", .needs = {"A"}}));
  for (std::size_t i = 0; i < steps; ++i) cast.step();
  cast.restart();
  cast.run();
  const bool told = steps > 0;  // a command that was not handled is lost with its caller
  const auto task = cast.task("B");
  CHECK((task.visible() || !told));
  CHECK(cast.rows(task_group_id("G")).count(tables::group_members.id) ==
        (task.visible() ? 1U : 0U));
  CHECK(cast.faults == Names{});
}

TEST_CASE("what a group says to a repeat of before a restart answers no later one", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  cast.take_events();
  cast.tell(task_id("A"), create_task("A"));
  for (int i = 0; i < 2; ++i) cast.step();  // the group's yes is on its way
  cast.restart();
  cast.tell(task_group_id("A"), seal());
  cast.step(1);
  const auto again = cast.tell(task_id("A"), create_task("A"));
  cast.step(1);
  cast.take_events();
  cast.run();
  REQUIRE(cast.replies(again).size() == 1);
  CHECK_FALSE(cast.replies(again)[0].body.ok());
  CHECK(cast.take_events().empty());
  CHECK(cast.faults == Names{});
}

TEST_CASE("the row of a creation is written, even if it equals one that was taken back",
          "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  const NewTask refused{.group = "A", .scheduler = "other"};
  REQUIRE(create(cast, "B", refused) == conflict);
  cast.tell(task_id("B"), create_task("B", refused));
  cast.step();
  CHECK(cast.rows(task_id("B")).count(tables::task_state.id) == 1);
}

TEST_CASE("a task that needs itself waits until somebody schedules it", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A", {.needs = {"A"}}) == 0);
  CHECK(cast.task("A").state() == State::UNSCHEDULED);
  CHECK(cast.rows(task_id("A")).count(tables::task_edges.id) == 1);
  REQUIRE(cast.ask(task_id("A"), schedule()).ok());
  CHECK(cast.task("A").state() == State::PENDING);
  CHECK(cast.task("A").unsatisfied == 1);
  run_to(cast, "A", Outcome::COMPLETED);
  CHECK(cast.task("A").runs.size() == 1);
  CHECK(cast.task("A").unsatisfied == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task that needs itself and others waits when those have ended", "[create]") {
  const auto requirement = GENERATE(Requires::ALL_COMPLETED, Requires::ALL_RESOLVED);
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  REQUIRE(create(cast, "B", {.needs = {"A", "B"}, .requirement = requirement}) == 0);
  run_to(cast, "A", Outcome::COMPLETED);
  CHECK(cast.task("B").state() == State::UNSCHEDULED);
  REQUIRE(cast.ask(task_id("B"), cancel()).ok());
  CHECK(cast.task("B").runs.size() == 1);
  CHECK(cast.task("B").unsatisfied == (requirement == Requires::ALL_RESOLVED ? 0 : 1));
  CHECK(cast.faults == Names{});
  // A refused one leaves nothing of it.
  REQUIRE(create(cast, "C", {.needs = {"C", "none"}}) == invalid);
  CHECK(cast.rows(task_id("C")).empty());
}

TEST_CASE("what a definition may not say is refused", "[create]") {
  const auto task = GENERATE(values<NewTask>({
      {.created = start - 16 * minute},
      {.created = start + 16 * minute},
      {.created = start + minute, .deadline = start + second},
      {.created = start - minute, .deadline = start - second},
      {.deadline = start + 24 * 6 * hour},
      {.expires = start + minute},
      {.needs = std::vector<std::string>(10'001, "A")},
      {.scopes = {"fine*", "bad**"}},
  }));
  Cast cast;
  CHECK(create(cast, "A", task) == invalid);
  CHECK(cast.rows(task_id("A")).empty());
}

TEST_CASE("what a dependency must come to", "[create]") {
  struct Row {
    Requires requirement;
    Outcome outcome;
    State state;
  };
  const auto row = GENERATE(values<Row>({
      {Requires::ALL_COMPLETED, Outcome::COMPLETED, State::PENDING},
      {Requires::ALL_COMPLETED, Outcome::FAILED, State::UNSCHEDULED},
      {Requires::ALL_RESOLVED, Outcome::COMPLETED, State::PENDING},
      {Requires::ALL_RESOLVED, Outcome::FAILED, State::PENDING},
  }));
  const bool before = GENERATE(true, false);
  Cast cast;
  const NewTask task{.needs = {"A"}, .requirement = row.requirement};
  REQUIRE(create(cast, "A") == 0);
  if (!before) REQUIRE(create(cast, "B", task) == 0);
  run_to(cast, "A", row.outcome);
  if (before) REQUIRE(create(cast, "B", task) == 0);
  CHECK(cast.task("B").state() == row.state);

  // A rerun that completes satisfies; it never takes anything back.
  REQUIRE(cast.ask(task_id("A"), rerun()).ok());
  CHECK(cast.task("B").state() == row.state);
  run_to(cast, "A", Outcome::COMPLETED);
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK(cast.task("B").runs.size() == 1);
  CHECK(cast.faults == Names{});
}

TEST_CASE("all dependencies must come to it", "[create]") {
  Cast cast;
  REQUIRE(create(cast, "A") == 0);
  REQUIRE(create(cast, "B") == 0);
  REQUIRE(create(cast, "C", {.needs = {"A", "B"}}) == 0);
  run_to(cast, "A", Outcome::COMPLETED);
  CHECK(cast.task("C").state() == State::UNSCHEDULED);
  run_to(cast, "B", Outcome::COMPLETED);
  CHECK(cast.task("C").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("hundreds of dependents and dependencies are told in slices", "[create]") {
  Cast cast;
  const int count = 300;
  REQUIRE(create(cast, "A", {.group = "G"}) == 0);
  std::vector<std::string> middle;
  for (int i = 0; i < count; ++i) {
    middle.push_back("M" + std::to_string(i));
    REQUIRE(create(cast, middle.back(), {.group = "G", .needs = {"A"}}) == 0);
  }
  REQUIRE(create(cast, "Z", {.group = "G", .needs = middle}) == 0);
  run_to(cast, "A", Outcome::COMPLETED);
  for (const auto& id : middle) REQUIRE(cast.task(id).state() == State::PENDING);
  CHECK(cast.task("Z").unsatisfied == 300);
  for (const auto& id : middle) run_to(cast, id, Outcome::COMPLETED);
  CHECK(cast.task("Z").state() == State::PENDING);
  middle.emplace_back("none");
  CHECK(create(cast, "Y", {.group = "G", .needs = middle}) == invalid);
  CHECK(cast.rows(task_id("Y")).empty());
  CHECK(cast.rows(task_id("M7")).count(tables::task_edges.id) == 1);
  CHECK(cast.faults == Names{});
}

}  // namespace
}  // namespace troupe::test
