// The state machine as a table: call x state -> state, answer, messages.
// Source: spec/queue.md, section 3.3.
#include "actors/task/codec.h"
#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/support/cast.h"

#include <capnp/any.h>
#include <catch2/catch.hpp>

#include <functional>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

int code_of(const Result<Bytes>& answer) {
  return answer.ok() ? 0 : static_cast<int>(answer.error().code);
}

constexpr int missing = static_cast<int>(Errc::not_found);
constexpr int conflict = static_cast<int>(Errc::conflict);

enum class From { unscheduled, pending, running, completed, failed, canceled, malformed };

// How a worker speaks: with the token of its claim, or over HTTP, where it names the run alone.
enum class Over { rpc, http };

ClaimOf claim_of(Cast& cast, Over over) {
  ClaimOf claim = cast.claim("A");
  claim.by_run = over == Over::http;
  return claim;
}

Result<Bytes> report(Cast& cast, Report what, Over over = Over::rpc) {
  return cast.ask(task_id("A"), resolve(claim_of(cast, over), what));
}

Bytes claim_task(std::uint32_t run, const std::string& worker, std::uint64_t session, Over over) {
  return over == Over::http ? claim_over_http(run, worker) : claim_by_name(run, worker, session);
}

bool same_status(const Bytes& a, const Bytes& b) {
  Stored<schema::TaskStatus> left(a);
  Stored<schema::TaskStatus> right(b);
  return capnp::AnyStruct::Reader(left.get()) == capnp::AnyStruct::Reader(right.get());
}

// Brings task A there, with no events left. Its worker stays connected.
void bring(Cast& cast, From from, int retries = 5, Over over = Over::rpc) {
  cast.tell(default_worker, connect({}));
  REQUIRE(cast.ask(task_id("A"),
                   create_task("A", {.retries = retries, .hold = from == From::unscheduled}))
              .ok());
  if (from == From::canceled) REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  const bool claimed = from != From::unscheduled && from != From::pending && from != From::canceled;
  if (claimed) REQUIRE(cast.ask(task_id("A"), claim_task(0, "g/w", 1, over)).ok());
  if (from == From::completed) REQUIRE(report(cast, {Outcome::COMPLETED}, over).ok());
  if (from == From::failed) REQUIRE(report(cast, {Outcome::FAILED}, over).ok());
  if (from == From::malformed) {
    REQUIRE(report(cast, {Outcome::EXCEPTION, Reason::MALFORMED_PAYLOAD}, over).ok());
  }
  cast.take_events();
}

struct Row {
  const char* call;
  From from;
  State state;
  int code = 0;
  Names events = {};
};

Result<Bytes> make_call(Cast& cast, const std::string& call, From from, Over over = Over::rpc) {
  const ActorId a = task_id("A");
  const NewTask same{.hold = from == From::unscheduled};
  NewTask other = same;
  other.payload = "[1]";
  if (call == "create") return cast.ask(a, create_task("A", same));
  if (call == "create other") return cast.ask(a, create_task("A", other));
  if (call == "schedule") return cast.ask(a, schedule());
  if (call == "rerun") return cast.ask(a, rerun());
  if (call == "cancel") return cast.ask(a, cancel());
  if (call == "claim") return cast.ask(a, claim_task(0, "g/other", 2, over));
  if (call == "claim again") return cast.ask(a, claim_task(0, "g/w", 2, over));
  if (call == "reclaim") return cast.ask(a, reclaim(claim_of(cast, over)));
  if (call == "priority") return cast.ask(a, change_priority(Priority::HIGH));
  if (call == "same priority") return cast.ask(a, change_priority(Priority::LOWEST));
  if (call == "completed") return report(cast, {Outcome::COMPLETED}, over);
  if (call == "failed") return report(cast, {Outcome::FAILED}, over);
  if (call == "malformed") {
    return report(cast, {Outcome::EXCEPTION, Reason::MALFORMED_PAYLOAD}, over);
  }
  REQUIRE(call == "exception");
  return report(cast, {Outcome::EXCEPTION, Reason::INTERNAL_ERROR}, over);
}

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    for (const Over over : {Over::rpc, Over::http}) {
      INFO(row.call << ", row " << &row - rows.data() << (over == Over::http ? ", HTTP" : ""));
      Cast cast;
      bring(cast, row.from, 5, over);
      cast.now = cast.now + minute;
      CHECK(code_of(make_call(cast, row.call, row.from, over)) == row.code);
      CHECK(cast.task("A").state() == row.state);
      CHECK(cast.take_events() == row.events);
      CHECK(cast.faults == Names{});
    }
  }
}

TEST_CASE("createTask in each state", "[table]") {
  const Names again{"task-defined A._"};
  check({
      {"create", From::unscheduled, State::UNSCHEDULED, 0, again},
      {"create", From::pending, State::PENDING, 0, {"task-defined A._", "task-pending A.0"}},
      {"create", From::running, State::RUNNING, 0, again},
      {"create", From::completed, State::COMPLETED, 0, again},
      {"create", From::failed, State::FAILED, 0, again},
      {"create", From::malformed, State::EXCEPTION, 0, again},
      {"create other", From::unscheduled, State::UNSCHEDULED, conflict},
      {"create other", From::pending, State::PENDING, conflict},
      {"create other", From::running, State::RUNNING, conflict},
      {"create other", From::completed, State::COMPLETED, conflict},
      {"create other", From::canceled, State::EXCEPTION, conflict},
  });
}

TEST_CASE("scheduleTask and rerunTask in each state", "[table]") {
  const Names first{"task-pending A.0"};
  const Names second_run{"task-pending A.1"};
  check({
      {"schedule", From::unscheduled, State::PENDING, 0, first},
      {"schedule", From::pending, State::PENDING},
      {"schedule", From::running, State::RUNNING},
      {"schedule", From::completed, State::COMPLETED},
      {"schedule", From::failed, State::FAILED},
      {"schedule", From::canceled, State::EXCEPTION},
      {"rerun", From::unscheduled, State::PENDING, 0, first},
      {"rerun", From::pending, State::PENDING, 0, first},
      {"rerun", From::running, State::RUNNING},
      {"rerun", From::completed, State::PENDING, 0, second_run},
      {"rerun", From::failed, State::PENDING, 0, second_run},
      {"rerun", From::canceled, State::PENDING, 0, second_run},
      {"rerun", From::malformed, State::PENDING, 0, second_run},
  });
}

TEST_CASE("cancelTask in each state", "[table]") {
  const Names ended{"task-exception A.0", "task-group-resolved A"};
  check({
      {"cancel", From::unscheduled, State::EXCEPTION, 0, ended},
      {"cancel", From::pending, State::EXCEPTION, 0, ended},
      {"cancel", From::running, State::EXCEPTION, 0, ended},
      {"cancel", From::completed, State::COMPLETED},
      {"cancel", From::failed, State::FAILED},
      {"cancel", From::canceled, State::EXCEPTION, 0, ended},
      {"cancel", From::malformed, State::EXCEPTION},
  });
}

TEST_CASE("claims and reclaims in each state", "[table]") {
  check({
      {"claim", From::unscheduled, State::UNSCHEDULED, missing},
      {"claim", From::pending, State::RUNNING, 0, {"task-running A.0"}},
      {"claim", From::running, State::RUNNING, conflict},
      {"claim again", From::running, State::RUNNING, 0, {"task-running A.0"}},
      {"claim again", From::completed, State::COMPLETED, conflict},
      {"claim again", From::canceled, State::EXCEPTION, conflict},
      {"claim", From::completed, State::COMPLETED, conflict},
      {"claim", From::malformed, State::EXCEPTION, conflict},
      {"reclaim", From::unscheduled, State::UNSCHEDULED, missing},
      {"reclaim", From::pending, State::PENDING, conflict},
      {"reclaim", From::running, State::RUNNING},
      {"reclaim", From::completed, State::COMPLETED, conflict},
      {"reclaim", From::canceled, State::EXCEPTION, conflict},
      {"reclaim", From::malformed, State::EXCEPTION, conflict},
  });
}

TEST_CASE("reports in each state", "[table]") {
  const Names group{"task-group-resolved A"};
  check({
      {"completed", From::unscheduled, State::UNSCHEDULED, missing},
      {"completed", From::pending, State::PENDING, conflict},
      {"completed", From::running, State::COMPLETED, 0, {"task-completed A.0", group[0]}},
      {"completed", From::completed, State::COMPLETED, 0, {"task-completed A.0", group[0]}},
      {"completed", From::failed, State::FAILED, conflict},
      {"completed", From::canceled, State::EXCEPTION, conflict},
      {"completed", From::malformed, State::EXCEPTION, conflict},
      {"failed", From::unscheduled, State::UNSCHEDULED, missing},
      {"failed", From::pending, State::PENDING, conflict},
      {"failed", From::running, State::FAILED, 0, {"task-failed A.0", group[0]}},
      {"failed", From::failed, State::FAILED, 0, {"task-failed A.0", group[0]}},
      {"failed", From::completed, State::COMPLETED, conflict},
      {"failed", From::canceled, State::EXCEPTION, conflict},
      {"failed", From::malformed, State::EXCEPTION, conflict},
      {"exception", From::unscheduled, State::UNSCHEDULED, missing},
      {"exception", From::pending, State::PENDING, conflict},
      {"exception", From::running, State::EXCEPTION, 0, {"task-exception A.0", group[0]}},
      {"exception", From::completed, State::COMPLETED, conflict},
      {"exception", From::failed, State::FAILED, conflict},
      {"exception", From::canceled, State::EXCEPTION, conflict},
      {"exception", From::malformed, State::EXCEPTION, conflict},
      {"malformed", From::malformed, State::EXCEPTION, 0, {"task-exception A.0", group[0]}},
  });
}

TEST_CASE("changeTaskPriority in each state", "[table]") {
  const Names changed{"task-priority-changed A._"};
  check({
      {"priority", From::unscheduled, State::UNSCHEDULED, 0, changed},
      {"priority", From::pending, State::PENDING, 0, changed},
      {"priority", From::running, State::RUNNING, 0, changed},
      {"priority", From::completed, State::COMPLETED, conflict},
      {"priority", From::failed, State::FAILED, conflict},
      {"priority", From::canceled, State::EXCEPTION, conflict},
      {"priority", From::malformed, State::EXCEPTION, conflict},
      {"same priority", From::unscheduled, State::UNSCHEDULED, conflict},
      {"same priority", From::pending, State::PENDING, conflict},
      {"same priority", From::running, State::RUNNING, conflict},
  });
}

TEST_CASE("a report that is refused says what has become of the run", "[table]") {
  struct Refused {
    From from;
    Report what;
    std::string why;
  };
  const auto row = GENERATE(values<Refused>({
      {From::pending, {Outcome::COMPLETED}, "is pending: claim it first"},
      {From::completed, {Outcome::FAILED}, "is resolved as completed: forget it"},
      {From::failed, {Outcome::COMPLETED}, "is resolved as failed: forget it"},
      {From::malformed, {Outcome::FAILED}, "is resolved as malformed-payload: forget it"},
      {From::canceled, {Outcome::COMPLETED}, "is resolved as canceled: forget it"},
  }));
  Cast cast;
  bring(cast, row.from);
  const auto answer = report(cast, row.what, Over::http);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error() == Error{Errc::conflict, "run 0 of task A " + row.why});
}

TEST_CASE("a repeated report is answered as before and published again", "[table]") {
  struct Repeat {
    From from;
    Report what;
    const char* event;
  };
  const auto row = GENERATE(values<Repeat>({
      {From::completed, {Outcome::COMPLETED}, "task-completed A.0"},
      {From::failed, {Outcome::FAILED}, "task-failed A.0"},
      {From::malformed, {Outcome::EXCEPTION, Reason::MALFORMED_PAYLOAD}, "task-exception A.0"},
  }));
  Cast cast;
  bring(cast, row.from);
  CHECK(code_of(report(cast, row.what)) == 0);
  CHECK(cast.task("A").runs.size() == 1);
  const Names events = cast.take_events();
  REQUIRE(events.size() >= 1);
  CHECK(events[0] == row.event);
}

TEST_CASE("a report about an older run repeats what made the newer one, nothing else", "[table]") {
  struct Older {
    std::vector<Report> ends;  // of run 0, 1...; the task is rerun where it is not retried
    int code;
    Names events;
  };
  const Report shutdown{Outcome::EXCEPTION, Reason::WORKER_SHUTDOWN};
  const Report malformed{Outcome::EXCEPTION, Reason::MALFORMED_PAYLOAD};
  const Names again{"task-exception A.0", "task-pending A.1"};
  const auto over = GENERATE(Over::rpc, Over::http);
  const auto row = GENERATE_COPY(values<Older>({
      {{shutdown}, 0, again},
      {{malformed}, 0, again},
      {{shutdown, shutdown}, conflict, {}},
      {{{Outcome::COMPLETED}}, conflict, {}},
      {{{Outcome::FAILED}}, conflict, {}},
  }));
  Cast cast;
  bring(cast, From::pending);
  for (std::uint32_t run = 0; run < row.ends.size(); ++run) {
    REQUIRE(cast.ask(task_id("A"), claim_task(run, "g/w", 1, over)).ok());
    REQUIRE(report(cast, row.ends[run], over).ok());
    if (cast.task("A").state() != State::PENDING) REQUIRE(cast.ask(task_id("A"), rerun()).ok());
  }
  cast.take_events();
  const auto before = cast.task("A").runs.size();
  const ClaimOf first{0, cast.task("A").runs[0].token, over == Over::http};
  CHECK(code_of(cast.ask(task_id("A"), resolve(first, row.ends[0]))) == row.code);
  CHECK(cast.take_events() == row.events);
  CHECK(cast.task("A").runs.size() == before);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a claim by name that is repeated is the same claim", "[table]") {
  Cast cast;
  bring(cast, From::running);
  const auto before = cast.task("A").runs[0];
  cast.now = cast.now + minute;
  cast.restart();
  const ReplyTo session = cast.tell(default_worker, connect({.session = 2}));
  REQUIRE(cast.ask(task_id("A"), claim_by_name(0, "g/w", 2)).ok());
  const auto after = cast.task("A").runs[0];
  CHECK(after.token == before.token);
  CHECK(after.taken_until == before.taken_until);
  const auto pushes = cast.pushes(session);
  REQUIRE(pushes.size() == 2);
  CHECK(pushes[1].what == "claimed");
  CHECK(pushes[1].kept == std::vector<Held>{{"A", 0, before.token}});
  CHECK(cast.rows(default_worker).count(tables::worker_claims.id) == 1);
  CHECK(cast.faults == Names{});
}

TEST_CASE("over HTTP a report about an older run counts once the next one is claimed, too",
          "[table]") {
  const Report shutdown{Outcome::EXCEPTION, Reason::WORKER_SHUTDOWN};
  const bool ended = GENERATE(false, true);
  Cast cast;
  bring(cast, From::running, 5, Over::http);
  REQUIRE(report(cast, shutdown, Over::http).ok());
  REQUIRE(cast.ask(task_id("A"), claim_over_http(1, "g/x")).ok());
  if (ended) REQUIRE(report(cast, {Outcome::COMPLETED}, Over::http).ok());
  cast.take_events();
  // It is only published again: what the next run does is its own business.
  CHECK(code_of(cast.ask(task_id("A"), resolve({0, 0, true}, shutdown))) == 0);
  CHECK(cast.take_events() == Names{"task-exception A.0"});
  CHECK(code_of(cast.ask(task_id("A"), resolve({0, 0, true}, {Outcome::COMPLETED}))) == conflict);
  CHECK(code_of(cast.ask(task_id("A"), reclaim({0, 0, true}))) == conflict);
  CHECK(cast.task("A").state() == (ended ? State::COMPLETED : State::RUNNING));
  CHECK(cast.faults == Names{});
}

TEST_CASE("over HTTP a run that is not there is missing", "[table]") {
  const auto from = GENERATE(From::unscheduled, From::pending, From::running, From::completed);
  Cast cast;
  bring(cast, from, 5, Over::http);
  const ClaimOf next{static_cast<std::uint32_t>(cast.task("A").runs.size()), 0, true};
  CHECK(code_of(cast.ask(task_id("A"), reclaim(next))) == missing);
  CHECK(code_of(cast.ask(task_id("A"), resolve(next, {Outcome::COMPLETED}))) == missing);
  CHECK(code_of(cast.ask(task_id("A"), claim_over_http(next.run, "g/w"))) == missing);
}

TEST_CASE("a claim whose answer is lost expires at once", "[table]") {
  Cast cast;
  bring(cast, From::pending, 1);
  cast.tell(default_queue, await({}));
  cast.run();
  const ClaimOf claim = cast.claim("A");
  REQUIRE(cast.task("A").state() == State::RUNNING);
  cast.take_events();
  REQUIRE(cast.ask(task_id("A"), expire_claim({0, claim.token + 1})).ok());  // another's
  CHECK(cast.task("A").state() == State::RUNNING);
  REQUIRE(cast.ask(task_id("A"), expire_claim(claim)).ok());
  const auto task = cast.task("A");
  REQUIRE(task.runs.size() == 2);
  CHECK(task.runs[0].reason_resolved == Reason::CLAIM_EXPIRED);
  CHECK(task.runs[1].reason_created == schema::ReasonCreated::RETRY);
  CHECK(task.retries_left == 0);
  CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  REQUIRE(cast.ask(task_id("A"), expire_claim(claim)).ok());  // it is over: nothing happens
  CHECK(cast.take_events().empty());
  CHECK(cast.rows(default_worker).count(tables::worker_claims.id) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a claim that came from the queue is not made again by name", "[table]") {
  Cast cast;
  bring(cast, From::pending);
  cast.tell(default_queue, await({}));
  cast.run();
  REQUIRE(cast.task("A").state() == State::RUNNING);
  CHECK(code_of(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1))) == conflict);
}

TEST_CASE("no task: nothing to command", "[table]") {
  const std::string call =
      GENERATE("schedule", "rerun", "cancel", "claim", "reclaim", "completed", "priority");
  const auto over = GENERATE(Over::rpc, Over::http);
  Cast cast;
  CHECK(code_of(make_call(cast, call, From::pending, over)) == missing);
  CHECK(cast.rows(task_id("A")).empty());
}

TEST_CASE("after the deadline commands are refused in every state", "[table]") {
  const auto from = GENERATE(From::unscheduled, From::pending, From::running, From::completed,
                             From::failed, From::canceled, From::malformed);
  const std::string call = GENERATE("schedule", "rerun", "cancel", "claim", "reclaim", "priority");
  const bool resolver_came = GENERATE(false, true);
  Cast cast;
  bring(cast, from);
  if (from == From::unscheduled && call == "reclaim") return;  // there is no run: 404
  // Not by `advance`: a claim must not expire on the way.
  cast.now = start + hour + second;
  if (resolver_came) cast.advance(2 * minute);
  CHECK(code_of(make_call(cast, call, from)) == conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("at the deadline itself claims are over, commands are not", "[table]") {
  Cast cast;
  bring(cast, From::pending);
  cast.now = start + hour;
  CHECK(code_of(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1))) == conflict);
  CHECK(code_of(cast.ask(task_id("A"), change_priority(Priority::HIGH))) == conflict);
  CHECK(code_of(cast.ask(task_id("A"), cancel())) == 0);
}

TEST_CASE("the deadline ends what is open", "[table]") {
  const auto from = GENERATE(From::unscheduled, From::pending, From::running);
  Cast cast;
  bring(cast, from);
  cast.now = start + hour + second;
  cast.advance(minute - 2 * second);
  CHECK(cast.take_events().empty());
  cast.advance(second);
  // Dependents and the group come first.
  CHECK(cast.take_events() == Names{"task-group-resolved A", "task-exception A.0"});
  CHECK(cast.task("A").runs.back().reason_resolved == Reason::DEADLINE_EXCEEDED);
  CHECK(cast.rows(default_queue).count(tables::queue_entries.id) == 0);
  CHECK(cast.rows(default_worker).count(tables::worker_claims.id) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("the deadline's message waits for those who are still told of an earlier end",
          "[table]") {
  Cast cast;
  cast.tell(default_worker, connect({}));
  REQUIRE(cast.ask(task_id("A"), create_task("A")).ok());
  const NewTask dependent{
      .needs = {"A"}, .requirement = Requires::ALL_RESOLVED, .deadline = start + 2 * hour};
  REQUIRE(cast.ask(task_id("B"), create_task("B", dependent)).ok());
  REQUIRE(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1)).ok());
  cast.take_events();
  // Ended, rerun and past its deadline before B was told of the first end.
  cast.tell(task_id("A"), resolve(cast.claim("A"), {Outcome::FAILED}));
  cast.tell(task_id("A"), rerun());
  REQUIRE(cast.step());
  REQUIRE(cast.step());
  REQUIRE(cast.task("A").telling);
  REQUIRE(cast.task("A").state() == State::PENDING);
  cast.now = start + hour + minute;
  cast.fire(task_id("A"), "deadline");
  cast.run();
  CHECK(cast.take_events() == Names{"task-failed A.0", "task-pending A.1", "task-pending B.0",
                                    "task-group-resolved A", "task-group-resolved A",
                                    "task-exception A.1"});
  CHECK(cast.task("A").runs.back().reason_resolved == Reason::DEADLINE_EXCEEDED);
  CHECK(cast.faults == Names{});
}

TEST_CASE("an end that others were not told of yet counts, whatever comes after it", "[table]") {
  const auto ends = GENERATE(values<std::vector<Outcome>>({
      {Outcome::FAILED, Outcome::COMPLETED},
      {Outcome::COMPLETED, Outcome::FAILED},
      {Outcome::FAILED, Outcome::COMPLETED, Outcome::FAILED},
  }));
  const bool rerun_last = GENERATE(false, true);
  const bool restarted = GENERATE(false, true);
  Cast cast;
  cast.tell(default_worker, connect({}));
  REQUIRE(cast.ask(task_id("A"), create_task("A")).ok());
  for (const auto* id : {"B", "C"}) {
    REQUIRE(cast.ask(task_id(id), create_task(id, {.needs = {"A"}})).ok());
  }
  // All of it before the group's answer to the first end.
  std::size_t commands = 0;
  const auto tell = [&](Bytes command) {
    cast.tell(task_id("A"), std::move(command));
    commands += 1;
  };
  for (std::uint32_t run = 0; run < ends.size(); ++run) {
    tell(claim_over_http(run, "g/w"));
    tell(resolve({run, 0, true}, {ends[run]}));
    if (rerun_last || run + 1 < ends.size()) tell(rerun());
  }
  for (std::size_t i = 0; i < commands; ++i) REQUIRE(cast.step());
  REQUIRE(cast.task("A").telling);
  if (restarted) cast.restart();
  cast.run();
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK(cast.task("C").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("an end from before a dependent does not count for it, told or not", "[table]") {
  struct Ends {
    Requires requirement;
    std::vector<Outcome> before;  // each rerun
    std::vector<Outcome> after;   // while others are still told of those
    State state;                  // of the dependent
  };
  const auto [requirement, before, after, state] = GENERATE(values<Ends>({
      {Requires::ALL_COMPLETED, {Outcome::COMPLETED}, {}, State::UNSCHEDULED},
      {Requires::ALL_RESOLVED, {Outcome::FAILED}, {}, State::UNSCHEDULED},
      {Requires::ALL_COMPLETED, {Outcome::COMPLETED}, {Outcome::FAILED}, State::UNSCHEDULED},
      {Requires::ALL_COMPLETED, {Outcome::COMPLETED}, {Outcome::COMPLETED}, State::PENDING},
      {Requires::ALL_RESOLVED, {Outcome::COMPLETED}, {Outcome::FAILED}, State::PENDING},
      {Requires::ALL_COMPLETED,
       {Outcome::FAILED, Outcome::COMPLETED},
       {Outcome::FAILED},
       State::UNSCHEDULED},
  }));
  const std::string late = GENERATE("0", "D");  // told before B, and behind it
  const bool restarted = GENERATE(false, true);
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A")).ok());
  const NewTask dependent{.needs = {"A"}, .requirement = requirement};
  REQUIRE(cast.ask(task_id("B"), create_task("B", dependent)).ok());
  cast.tell(task_id(late), create_task(late, dependent));
  for (int i = 0; i < 3; ++i) REQUIRE(cast.step());
  // Its question to A is on its way. All of this comes before any answer to A, and the first ends
  // before the question too.
  std::uint32_t run = 0;
  const auto tell = [&](Outcome outcome) {
    cast.tell(task_id("A"), claim_over_http(run, "g/w"));
    cast.tell(task_id("A"), resolve({run++, 0, true}, {outcome}));
  };
  for (const Outcome outcome : before) {
    tell(outcome);
    cast.tell(task_id("A"), rerun());
  }
  for (const Outcome outcome : after) tell(outcome);
  for (std::size_t i = 0; i < 3 * before.size(); ++i) REQUIRE(cast.step(1));
  for (std::size_t i = 0; i < 1 + 2 * after.size(); ++i) REQUIRE(cast.step());
  REQUIRE(cast.task("A").telling);
  if (restarted) cast.restart();
  cast.run();
  CHECK(cast.task(late).state() == state);
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("what an earlier program was telling concerns all that had asked by then", "[table]") {
  const bool completed = GENERATE(false, true);
  const Bytes row = build<schema::TaskRow>([completed](schema::TaskRow::Builder task) {
    task.setResolveActive(true);
    task.setResolveCompleted(completed);
  });
  const auto state = task::decode_row(row.words());
  REQUIRE(state.telling);
  CHECK(state.telling->ended == 1);
  CHECK(state.telling->completed == (completed ? 1 : 0));
}

TEST_CASE("a rerun behind a deadline that the clock, set back, has not reached yet", "[table]") {
  Cast cast;
  bring(cast, From::pending);
  cast.take_events();
  cast.now = start + hour + minute;
  cast.fire(task_id("A"), "deadline");
  REQUIRE(cast.step());
  REQUIRE(cast.task("A").telling);
  cast.now = start + minute;
  cast.tell(task_id("A"), rerun());
  cast.run();
  // The end of the run before comes first, and once.
  CHECK(cast.take_events() ==
        Names{"task-group-resolved A", "task-exception A.0", "task-pending A.1"});
  // The new run has a deadline of its own.
  cast.now = start + hour + minute;
  cast.fire(task_id("A"), "deadline");
  cast.run();
  CHECK(cast.task("A").runs.back().reason_resolved == Reason::DEADLINE_EXCEEDED);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task is rerun 49 times, no more", "[table]") {
  Cast cast;
  bring(cast, From::pending, 49);
  for (int run = 1; run < 50; ++run) {
    REQUIRE(cast.ask(task_id("A"), cancel()).ok());
    REQUIRE(code_of(cast.ask(task_id("A"), rerun())) == 0);
    CHECK(cast.task("A").retries_left == 50 - (run + 1));
  }
  REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  CHECK(code_of(cast.ask(task_id("A"), rerun())) == conflict);
}

TEST_CASE("a rerun that is asked for again makes no other run", "[table]") {
  const auto from = GENERATE(From::unscheduled, From::pending, From::running, From::completed,
                             From::failed, From::canceled, From::malformed);
  const bool restarted = GENERATE(false, true);
  Cast cast;
  bring(cast, from);
  const auto first = cast.ask(task_id("A"), rerun("one"));
  REQUIRE(first.ok());
  const auto runs = cast.task("A").runs.size();
  // What was asked for has ended meanwhile: only its id tells a repeat from a new request.
  REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  if (restarted) cast.restart();
  cast.take_events();
  const auto again = cast.ask(task_id("A"), rerun("one"));
  REQUIRE(again.ok());
  CHECK(same_status(again.value(), first.value()));
  CHECK(cast.task("A").runs.size() == runs);
  CHECK(cast.take_events().empty());
  REQUIRE(cast.ask(task_id("A"), rerun("two")).ok());
  CHECK(cast.task("A").runs.size() == runs + 1);
  CHECK(cast.task("A").state() == State::PENDING);
  // Past the deadline there is no new run, but still the old answer.
  cast.now = start + hour + second;
  CHECK(code_of(cast.ask(task_id("A"), rerun("one"))) == 0);
  CHECK(code_of(cast.ask(task_id("A"), rerun("three"))) == conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a rerun that is repeated at once is answered when its entry is stored", "[table]") {
  Cast cast;
  bring(cast, From::failed);
  const ReplyTo first = cast.tell(task_id("A"), rerun("one"));
  const ReplyTo second = cast.tell(task_id("A"), rerun("one"));
  REQUIRE(cast.step());
  REQUIRE(cast.step());
  CHECK(cast.replies(second).empty());
  cast.run();
  REQUIRE(cast.replies(first).size() == 1);
  REQUIRE(cast.replies(second).size() == 1);
  CHECK(cast.task("A").runs.size() == 2);
}

TEST_CASE("a task remembers its last requests", "[table]") {
  Cast cast;
  bring(cast, From::pending);
  for (int i = 0; i < 60; ++i) {
    REQUIRE(cast.ask(task_id("A"), rerun("request " + std::to_string(i))).ok());
  }
  CHECK(cast.rows(task_id("A")).count(tables::task_requests.id) == 50);
  REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  REQUIRE(cast.ask(task_id("A"), rerun("request 59")).ok());
  CHECK(cast.task("A").runs.size() == 1);
  REQUIRE(cast.ask(task_id("A"), rerun("request 0")).ok());
  CHECK(cast.task("A").runs.size() == 2);
  CHECK(cast.faults == Names{});
}

TEST_CASE("which ends deserve another run", "[table]") {
  struct End {
    Reason reason;
    bool retry;
    schema::ReasonCreated created;
  };
  const auto end = GENERATE(values<End>({
      {Reason::WORKER_SHUTDOWN, true, schema::ReasonCreated::RETRY},
      {Reason::INTERMITTENT_TASK, true, schema::ReasonCreated::TASK_RETRY},
      {Reason::MALFORMED_PAYLOAD, false, {}},
      {Reason::RESOURCE_UNAVAILABLE, false, {}},
      {Reason::INTERNAL_ERROR, false, {}},
  }));
  const int retries = GENERATE(0, 1);
  Cast cast;
  bring(cast, From::running, retries);
  REQUIRE(code_of(report(cast, {Outcome::EXCEPTION, end.reason})) == 0);
  const auto task = cast.task("A");
  CHECK(task.runs[0].reason_resolved == end.reason);
  if (end.retry && retries == 1) {
    REQUIRE(task.runs.size() == 2);
    CHECK(task.state() == State::PENDING);
    CHECK(task.runs[1].reason_created == end.created);
    CHECK(task.retries_left == 0);
    CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  } else {
    CHECK(task.runs.size() == 1);
    CHECK(task.retries_left == retries);
    CHECK(cast.take_events() == Names{"task-exception A.0", "task-group-resolved A"});
  }
  CHECK(cast.faults == Names{});
}

TEST_CASE("what a worker cannot report", "[table]") {
  const auto reason = GENERATE(Reason::NONE, Reason::COMPLETED, Reason::FAILED, Reason::CANCELED,
                               Reason::CLAIM_EXPIRED, Reason::DEADLINE_EXCEEDED);
  Cast cast;
  bring(cast, From::running);
  CHECK(code_of(report(cast, {Outcome::EXCEPTION, reason})) == static_cast<int>(Errc::invalid));
  CHECK(cast.task("A").state() == State::RUNNING);
}

}  // namespace
}  // namespace troupe::test
