// Changes of all members of a group. Source: spec/queue.md, sections 5.3 and 6.
#include "actors/task_group/group_actor.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

const ActorId g = task_group_id("G");

void create(Cast& cast, const std::string& id, NewTask task = {}) {
  task.group = "G";
  REQUIRE(cast.ask(task_id(id), create_task(id, task)).ok());
}

task_group::GroupState group(Cast& cast) {
  return task_group::decode_row(cast.rows(g).get(tables::group_state.id, "")->words());
}

// Nothing of a sweep is left.
void check_swept(Cast& cast) {
  CHECK_FALSE(group(cast).sweep);
  CHECK(cast.rows(g).count(tables::group_swept.id) == 0);
  CHECK(cast.faults == Names{});
}

// A member in each state, in the order of their ids: unscheduled, pending, running, completed,
// canceled, rerun after its end, and one whose deadline has passed.
void create_one_of_each(Cast& cast) {
  cast.tell(default_worker, connect({}));
  create(cast, "Late", {.deadline = start + minute});
  create(cast, "A", {.hold = true});
  create(cast, "B");
  create(cast, "C");
  REQUIRE(cast.ask(task_id("C"), claim_by_name(0, "g/w", 1)).ok());
  create(cast, "D");
  REQUIRE(cast.ask(task_id("D"), claim_by_name(0, "g/w", 1)).ok());
  REQUIRE(cast.ask(task_id("D"), resolve(cast.claim("D"), {Outcome::COMPLETED})).ok());
  create(cast, "E");
  REQUIRE(cast.ask(task_id("E"), cancel()).ok());
  create(cast, "F");
  REQUIRE(cast.ask(task_id("F"), cancel()).ok());
  REQUIRE(cast.ask(task_id("F"), rerun()).ok());
  cast.now = start + minute + second;
}

TEST_CASE("a group that is not sealed is not cancelled", "[sweep]") {
  Cast cast;
  CHECK(cast.ask(g, cancel_group()).error().code == Errc::not_found);
  CHECK(cast.ask(g, change_group_priority(Priority::HIGH)).error().code == Errc::not_found);
  CHECK(cast.rows(g).empty());
  create(cast, "A");
  CHECK(cast.ask(g, cancel_group()).error().code == Errc::conflict);
  CHECK(cast.task("A").state() == State::PENDING);
  check_swept(cast);
}

TEST_CASE("cancelTaskGroup ends what has not ended", "[sweep]") {
  Cast cast;
  create_one_of_each(cast);
  REQUIRE(cast.ask(g, seal()).ok());
  cast.take_events();
  const auto answer = cast.ask(g, cancel_group());
  REQUIRE(answer.ok());
  const Swept swept = cancelled_in(answer.value());
  CHECK(swept.count == 4);
  CHECK(swept.tasks == Names{"A", "B", "C", "F"});
  for (const auto& id : swept.tasks) {
    INFO(id);
    CHECK(cast.task(id).runs.back().reason_resolved == Reason::CANCELED);
  }
  CHECK(cast.task("Late").state() == State::PENDING);
  CHECK(cast.task("D").state() == State::COMPLETED);
  Names events = cast.take_events();
  std::ranges::sort(events);
  CHECK(events == Names{"task-exception A.0", "task-exception B.0", "task-exception C.0",
                        "task-exception F.1"});
  CHECK(cast.rows(default_queue).count(tables::queue_entries.id) == 1);  // Late's
  CHECK(cast.rows(default_worker).count(tables::worker_claims.id) == 0);
  check_swept(cast);
  // Again: only what is active again.
  REQUIRE(cast.ask(task_id("B"), rerun()).ok());
  CHECK(cancelled_in(cast.ask(g, cancel_group()).value()).tasks == Names{"B"});
  CHECK(cancelled_in(cast.ask(g, cancel_group()).value()).count == 0);
  check_swept(cast);
}

TEST_CASE("a task that its group cancels has its tags and its priority in the message", "[sweep]") {
  Cast cast;
  create(cast, "A", {.priority = Priority::HIGH, .tags = {{"kind", "test"}}});
  REQUIRE(cast.ask(g, seal()).ok());
  REQUIRE(cast.ask(g, cancel_group()).ok());
  const auto event = std::ranges::find_if(
      cast.events, [](const Event& e) { return e.exchange.ends_with("/task-exception"); });
  REQUIRE(event != cast.events.end());
  CHECK(event->payload.find(R"("tags":{"kind":"test"})") != std::string::npos);
  CHECK(event->payload.find(R"("priority":"high")") != std::string::npos);
}

TEST_CASE("dependents of a task that its group cancels hear of it", "[sweep]") {
  Cast cast;
  create(cast, "A");
  const NewTask dependent{.needs = {"A"}, .requirement = Requires::ALL_RESOLVED};
  REQUIRE(cast.ask(task_id("Z"), create_task("Z", dependent)).ok());
  REQUIRE(cast.ask(g, seal()).ok());
  cast.take_events();
  REQUIRE(cast.ask(g, cancel_group()).ok());
  CHECK(cast.take_events() ==
        Names{"task-exception A.0", "task-pending Z.0", "task-group-resolved G"});
}

TEST_CASE("changeTaskGroupPriority changes what has never ended", "[sweep]") {
  Cast cast;
  create_one_of_each(cast);
  cast.take_events();
  const auto answer = cast.ask(g, change_group_priority(Priority::HIGH));
  REQUIRE(answer.ok());
  const Swept swept = reprioritised_in(answer.value());
  CHECK(swept.count == 3);
  CHECK(swept.tasks == Names{"A", "B", "C"});
  // One message for all, and none for each.
  CHECK(cast.take_events() == Names{"task-group-priority-changed G"});
  CHECK(cast.task("B").priority == Priority::HIGH);
  CHECK(cast.task("F").priority == Priority::LOWEST);
  check_swept(cast);
  const auto again = cast.ask(g, change_group_priority(Priority::HIGH));
  REQUIRE(again.ok());
  CHECK(reprioritised_in(again.value()).tasks.empty());
  CHECK(cast.take_events() == Names{"task-group-priority-changed G"});
  check_swept(cast);
}

TEST_CASE("members that wait move in their queue", "[sweep]") {
  Cast cast;
  for (const char* id : {"A", "B"}) create(cast, id);
  REQUIRE(cast.ask(task_id("X"), create_task("X", {.priority = Priority::LOW})).ok());
  REQUIRE(cast.ask(g, change_group_priority(Priority::HIGH)).ok());
  cast.take_events();
  cast.tell(default_queue, await({.count = 3}));
  cast.run();
  CHECK(cast.take_events() == Names{"task-running A.0", "task-running B.0", "task-running X.0"});
  CHECK(cast.faults == Names{});
}

std::string number_of(int i) {
  const std::string digits = std::to_string(i);
  return std::string(3 - digits.size(), '0') + digits;
}

TEST_CASE("a large group is swept in slices", "[sweep]") {
  const int members = GENERATE(99, 100, 101, 250);
  Cast cast;
  for (int i = 0; i < members; ++i) create(cast, "M" + number_of(i));
  REQUIRE(cast.ask(g, seal()).ok());
  const auto changed = cast.ask(g, change_group_priority(Priority::HIGH));
  const auto cancelled = cast.ask(g, cancel_group());
  REQUIRE(changed.ok());
  REQUIRE(cancelled.ok());
  CHECK(reprioritised_in(changed.value()).count == static_cast<std::uint64_t>(members));
  const Swept swept = cancelled_in(cancelled.value());
  CHECK(swept.count == static_cast<std::uint64_t>(members));
  CHECK(swept.tasks.size() == swept.count);
  CHECK(std::ranges::is_sorted(swept.tasks));
  check_swept(cast);
}

TEST_CASE("the same again attaches, another waits for its turn", "[sweep]") {
  Cast cast;
  for (const char* id : {"A", "B", "C"}) create(cast, id);
  REQUIRE(cast.ask(g, seal()).ok());
  cast.take_events();
  const ReplyTo high = cast.tell(g, change_group_priority(Priority::HIGH));
  const ReplyTo low = cast.tell(g, change_group_priority(Priority::LOW));
  const ReplyTo high_again = cast.tell(g, change_group_priority(Priority::HIGH));
  const ReplyTo end = cast.tell(g, cancel_group());
  const ReplyTo end_again = cast.tell(g, cancel_group());
  cast.run();
  const auto swept = [&cast](ReplyTo to) {
    REQUIRE(cast.replies(to).size() == 1);
    return reprioritised_in(cast.replies(to)[0].body.value()).tasks;
  };
  CHECK(swept(high) == Names{"A", "B", "C"});
  CHECK(swept(high_again) == Names{"A", "B", "C"});
  CHECK(swept(low) == Names{"A", "B", "C"});
  for (const ReplyTo to : {end, end_again}) {
    REQUIRE(cast.replies(to).size() == 1);
    CHECK(cancelled_in(cast.replies(to)[0].body.value()).count == 3);
  }
  CHECK(cast.task("A").priority == Priority::LOW);
  const Names events = cast.take_events();
  CHECK(std::ranges::count(events, "task-group-priority-changed G") == 2);
  check_swept(cast);
}

TEST_CASE("who attaches to a sweep has those changed, too, that it had passed", "[sweep]") {
  const bool restarted = GENERATE(false, true);
  Cast cast;
  create(cast, "C");
  cast.tell(g, change_group_priority(Priority::HIGH));
  REQUIRE(cast.step());  // C is asked, and does not hear it before the rest is done
  if (restarted) cast.restart();
  // A joins behind the sweep's back.
  const ReplyTo created = cast.tell(task_id("A"), create_task("A", {.group = "G"}));
  while (cast.replies(created).empty()) REQUIRE(cast.step(1));
  REQUIRE(group(cast).sweep);
  const ReplyTo attached = cast.tell(g, change_group_priority(Priority::HIGH));
  cast.run();
  REQUIRE(cast.replies(attached).size() == 1);
  const auto changed = reprioritised_in(cast.replies(attached)[0].body.value()).tasks;
  CHECK(changed == Names{"A", "C"});
  CHECK(cast.task("A").priority == Priority::HIGH);
  check_swept(cast);
}

TEST_CASE("a sweep goes on after a restart", "[sweep]") {
  const auto steps = GENERATE(range(std::size_t{1}, std::size_t{24}));
  const bool cancelling = GENERATE(false, true);
  Cast cast;
  for (const char* id : {"A", "B", "C"}) create(cast, id);
  REQUIRE(cast.ask(g, seal()).ok());
  cast.take_events();
  cast.tell(g, cancelling ? cancel_group() : change_group_priority(Priority::HIGH));
  for (std::size_t i = 0; i < steps; ++i) cast.step();
  cast.restart();
  cast.run();
  for (const char* id : {"A", "B", "C"}) {
    if (cancelling) {
      CHECK(cast.task(id).state() == State::EXCEPTION);
    } else {
      CHECK(cast.task(id).priority == Priority::HIGH);
    }
  }
  const Names events = cast.take_events();
  CHECK(std::ranges::count(events, "task-group-priority-changed G") == (cancelling ? 0 : 1));
  check_swept(cast);
  // The next one is not held up by what was left.
  CHECK(cast.ask(g, cancel_group()).ok());
  check_swept(cast);
}

TEST_CASE("a task that joins while its group is swept is whole", "[sweep]") {
  const auto steps = GENERATE(range(std::size_t{0}, std::size_t{16}));
  Cast cast;
  create(cast, "A");
  cast.tell(task_id("B"), create_task("B", {.group = "G"}));
  for (std::size_t i = 0; i < steps; ++i) cast.step();
  const ReplyTo swept = cast.tell(g, change_group_priority(Priority::HIGH));
  cast.run();
  REQUIRE(cast.replies(swept).size() == 1);
  const auto changed = reprioritised_in(cast.replies(swept)[0].body.value()).tasks;
  const bool both = std::ranges::find(changed, "B") != changed.end();
  CHECK(cast.task("B").priority == (both ? Priority::HIGH : Priority::LOWEST));
  CHECK(cast.task("A").priority == Priority::HIGH);
  CHECK(cast.task("B").state() == State::PENDING);
  check_swept(cast);
}

TEST_CASE("a sweep's row keeps its state", "[sweep]") {
  task_group::GroupState state;
  state.exists = true;
  state.sweep = task_group::Sweep{schema::GroupSweep::PRIORITY, Priority::VERY_HIGH, "c", 6};
  const auto read = task_group::decode_row(task_group::encode_row(state).words());
  REQUIRE(read.sweep);
  CHECK(read.sweep->same_as(*state.sweep));
  CHECK(read.sweep->cursor == "c");
  CHECK(read.sweep->waiting == 6);
}

}  // namespace
}  // namespace troupe::test
