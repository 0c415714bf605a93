// Claims, their timers, and workers that come and go.
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

const ActorId a = task_id("A");
const ActorId w = default_worker;

// Worker g/w is connected and runs task A. Returns its connection.
ReplyTo run_a(Cast& cast, const NewTask& task = {}) {
  const ReplyTo connection = cast.tell(w, connect({}));
  cast.run();
  REQUIRE(cast.ask(default_queue, await({})).ok());
  REQUIRE(cast.ask(a, create_task("A", task)).ok());
  REQUIRE(cast.task("A").state() == State::RUNNING);
  cast.take_events();
  return connection;
}

Held held_a(Cast& cast) {
  const ClaimOf claim = cast.claim("A");
  return {"A", claim.run, claim.token};
}

// What the worker hears when it connects anew, naming `held`.
std::vector<Push> reconnect(Cast& cast, std::uint64_t process, const std::vector<Held>& held) {
  const ReplyTo to = cast.tell(w, connect({.session = 2, .process = process, .held = held}));
  cast.run();
  return cast.pushes(to);
}

TEST_CASE("a worker hears of what it gets", "[worker]") {
  Cast cast;
  const auto pushes = cast.pushes(run_a(cast));
  REQUIRE(pushes.size() == 2);
  CHECK(pushes[0].what == "connected");
  CHECK(pushes[1].what == "claimed");
  CHECK(pushes[1].kept == std::vector<Held>{held_a(cast)});
  CHECK(cast.faults == Names{});
}

TEST_CASE("a lost worker's tasks are retried when its lease is over", "[worker]") {
  const int retries = GENERATE(0, 1);
  Cast cast;
  run_a(cast, {.retries = retries});
  const ClaimOf lost = cast.claim("A");
  REQUIRE(cast.ask(w, disconnect(1)).ok());
  cast.advance(Duration{14'999});
  CHECK(cast.task("A").state() == State::RUNNING);
  cast.advance(Duration{1});
  const auto task = cast.task("A");
  CHECK(task.state() == (retries > 0 ? State::PENDING : State::EXCEPTION));
  CHECK(task.runs[0].reason_resolved == Reason::WORKER_SHUTDOWN);
  CHECK(task.retries_left == 0);
  CHECK(cast.rows(w).count(tables::worker_claims.id) == 0);
  // It comes back too late.
  const auto pushes = reconnect(cast, 1, {{"A", lost.run, lost.token}});
  REQUIRE(pushes.size() == 1);
  CHECK(pushes[0].lost == std::vector<Held>{{"A", lost.run, lost.token}});
  CHECK(cast.ask(a, resolve(lost, {Outcome::COMPLETED})).error().code == Errc::conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a goodbye gives everything back at once", "[worker]") {
  Cast cast;
  run_a(cast);
  REQUIRE(cast.ask(w, farewell(1)).ok());
  CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  CHECK_FALSE(cast.timers(w).contains("lease"));
  CHECK(cast.faults == Names{});
}

TEST_CASE("however many claims are lost, their tasks hear of it some at a time", "[worker]") {
  constexpr int claims = 350;
  Cast cast;
  cast.tell(w, connect({}));
  cast.run();
  for (int i = 0; i < claims; ++i) {
    REQUIRE(cast.ask(task_id(std::to_string(i)), create_task(std::to_string(i))).ok());
  }
  REQUIRE(cast.ask(default_queue, await({.count = claims})).ok());
  REQUIRE(cast.rows(w).count(tables::worker_claims.id) == claims);
  SECTION("by a goodbye") {
    REQUIRE(cast.ask(w, farewell(1)).ok());
  }
  SECTION("by a lost connection") {
    REQUIRE(cast.ask(w, disconnect(1)).ok());
    cast.advance(15 * second);
  }
  SECTION("by a new process of its name") {
    reconnect(cast, 2, {});
  }
  CHECK(cast.rows(w).count(tables::worker_claims.id) == 0);
  CHECK(cast.task(std::to_string(claims - 1)).runs[0].reason_resolved == Reason::WORKER_SHUTDOWN);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a claim that ends while others are told of a loss is left alone", "[worker]") {
  Cast cast;
  run_a(cast);
  const Held held = held_a(cast);
  const Held ended{"A", 0, held.token + 1};
  cast.tell(w, tell_lost({ended}));
  cast.run();
  CHECK(cast.task("A").state() == State::RUNNING);
  cast.tell(w, tell_lost({ended, held}));
  cast.run();
  CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  CHECK(cast.faults == Names{});
}

TEST_CASE("a worker that reconnects in time keeps what it holds", "[worker]") {
  Cast cast;
  run_a(cast);
  REQUIRE(cast.ask(w, disconnect(1)).ok());
  cast.advance(10 * second);
  const auto pushes = reconnect(cast, 1, {held_a(cast), {"other", 0, 7}});
  REQUIRE(pushes.size() == 1);
  CHECK(pushes[0].kept == std::vector<Held>{held_a(cast)});
  CHECK(pushes[0].lost == std::vector<Held>{{"other", 0, 7}});
  CHECK(pushes[0].missed.empty());
  cast.advance(minute);
  CHECK(cast.task("A").state() == State::RUNNING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a claim that it had not heard of reaches it on reconnecting", "[worker]") {
  Cast cast;
  run_a(cast);
  REQUIRE(cast.ask(w, disconnect(1)).ok());
  const auto pushes = reconnect(cast, 1, {});
  REQUIRE(pushes.size() == 1);
  CHECK(pushes[0].missed == std::vector<Held>{held_a(cast)});
  CHECK(cast.task("A").state() == State::RUNNING);
}

TEST_CASE("a new process has lost what it does not name", "[worker]") {
  Cast cast;
  run_a(cast);
  const bool disconnected = GENERATE(true, false);
  if (disconnected) REQUIRE(cast.ask(w, disconnect(1)).ok());
  const auto pushes = reconnect(cast, 2, {});
  REQUIRE(pushes.size() == 1);
  CHECK(pushes[0].what == "connected");
  CHECK(pushes[0].missed.empty());
  CHECK(cast.task("A").state() == State::PENDING);
  CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  CHECK(cast.faults == Names{});
}

TEST_CASE("a later session takes over", "[worker]") {
  Cast cast;
  const ReplyTo first = run_a(cast);
  reconnect(cast, 1, {held_a(cast)});
  CHECK(cast.pushes(first).back().what == "replaced");
  CHECK_FALSE(cast.replies(first).back().more);
  // The end of the earlier connection comes late.
  REQUIRE(cast.ask(w, disconnect(1)).ok());
  CHECK_FALSE(cast.timers(w).contains("lease"));
  cast.advance(minute);
  CHECK(cast.task("A").state() == State::RUNNING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("after a server's restart the lease begins anew", "[worker]") {
  Cast cast;
  run_a(cast);
  cast.restart();
  REQUIRE(cast.ask(w, restarted()).ok());
  CHECK(cast.timers(w).at("lease").due == cast.now + 15 * second);
  SECTION("the worker comes back") {
    const auto pushes = reconnect(cast, 1, {held_a(cast)});
    REQUIRE(pushes.size() == 1);
    CHECK(pushes[0].kept == std::vector<Held>{held_a(cast)});
    REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED})).ok());
  }
  SECTION("it does not") {
    cast.advance(15 * second);
    CHECK(cast.task("A").state() == State::PENDING);
  }
  CHECK(cast.faults == Names{});
}

TEST_CASE("a worker is told to stop what is cancelled, not what it reported", "[worker]") {
  Cast cast;
  const ReplyTo connection = run_a(cast);
  const Held held = held_a(cast);
  const bool cancelled = GENERATE(true, false);
  if (cancelled) {
    REQUIRE(cast.ask(a, cancel()).ok());
  } else {
    REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED})).ok());
  }
  const auto pushes = cast.pushes(connection);
  REQUIRE(pushes.size() == (cancelled ? 3U : 2U));
  if (cancelled) {
    CHECK(pushes[2].what == "revoked");
    CHECK(pushes[2].kept == std::vector<Held>{held});
  }
  CHECK(cast.rows(w).count(tables::worker_claims.id) == 0);
  CHECK(cast.timers(a).contains("claim") == false);
}

TEST_CASE("a claim that is not renewed expires", "[claim]") {
  Cast cast;
  run_a(cast, {.retries = 1});
  const ClaimOf first = cast.claim("A");
  cast.advance(19 * minute);
  REQUIRE(cast.ask(a, reclaim(first)).ok());
  cast.advance(19 * minute);
  CHECK(cast.task("A").state() == State::RUNNING);
  cast.advance(minute);
  CHECK(cast.task("A").state() == State::RUNNING);
  cast.advance(Duration{1});
  CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  CHECK(cast.task("A").runs[0].reason_resolved == Reason::CLAIM_EXPIRED);
  CHECK(cast.ask(a, reclaim(first)).error().code == Errc::conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("only the holder's token counts", "[claim]") {
  Cast cast;
  run_a(cast);
  const ClaimOf held = cast.claim("A");
  const std::uint64_t token = GENERATE_COPY(std::uint64_t{0}, held.token + 1);
  CHECK(cast.ask(a, reclaim({0, token})).error().code == Errc::conflict);
  CHECK(cast.ask(a, resolve({0, token}, {Outcome::COMPLETED})).error().code == Errc::conflict);
  CHECK(cast.ask(a, put_artifact({0, token}, {})).error().code == Errc::conflict);
  CHECK(cast.ask(a, reclaim({1, held.token})).error().code == Errc::not_found);
  CHECK(cast.task("A").state() == State::RUNNING);
}

TEST_CASE("a report that comes after the deadline is answered, retry or not", "[claim]") {
  const auto reason = GENERATE(Reason::INTERNAL_ERROR, Reason::INTERMITTENT_TASK);
  Cast cast;
  run_a(cast);
  cast.now = start + hour + second;  // the deadline's timer waits a minute
  const auto answer = cast.ask(a, resolve(cast.claim("A"), {Outcome::EXCEPTION, reason}));
  CHECK(answer.ok());
  CHECK(cast.rows(default_queue).count(tables::queue_entries.id) == 0);
  cast.advance(2 * minute);
  CHECK(cast.task("A").is_resolved());
  CHECK(cast.faults == Names{});
}

TEST_CASE("artifacts come while the run is open, or soon after an exception", "[claim]") {
  Cast cast;
  run_a(cast);
  const ClaimOf claim = cast.claim("A");
  CHECK(cast.ask(a, put_artifact(claim, {})).ok());
  CHECK(cast.ask(a, put_artifact(claim, {})).ok());
  CHECK(cast.take_events() == Names{"artifact-created A.0", "artifact-created A.0"});
  const auto other = cast.ask(a, put_artifact(claim, {.link = "public/else.txt"}));
  CHECK(other.error().code == Errc::conflict);
  CHECK(cast.ask(a, put_artifact(claim, {.name = ""})).error().code == Errc::invalid);
  CHECK(cast.ask(a, put_artifact(claim, {.name = "\u00e9"})).error().code == Errc::invalid);
  const Instant later = cast.task("A").expires + second;
  const auto late = cast.ask(a, put_artifact(claim, {.name = "b", .expires = later}));
  CHECK(late.error().code == Errc::invalid);
  const bool exception = GENERATE(true, false);
  const Report report =
      exception ? Report{Outcome::EXCEPTION, Reason::INTERNAL_ERROR} : Report{Outcome::COMPLETED};
  REQUIRE(cast.ask(a, resolve(claim, report, {{.name = "log"}})).ok());
  CHECK(cast.rows(a).count(tables::task_artifacts.id) == 2);
  CHECK(cast.ask(a, put_artifact(claim, {.name = "c"})).ok() == exception);
  cast.now = cast.now + 25 * minute;
  CHECK(cast.ask(a, put_artifact(claim, {.name = "d"})).error().code == Errc::conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("the log of an ended run is kept, whoever ended it, and never twice", "[claim]") {
  Cast cast;
  run_a(cast);
  const std::vector<Artifact> log{{.name = "log"}};
  CHECK(cast.ask(a, keep_log(0, log)).error().code == Errc::conflict);
  const bool reported = GENERATE(true, false);
  if (reported) {
    REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED}, log)).ok());
  } else {
    REQUIRE(cast.ask(a, cancel()).ok());
  }
  cast.now = cast.now + 60 * minute;
  CHECK(cast.ask(a, keep_log(0, {{.name = "log", .link = "public/else.txt"}})).ok());
  CHECK(cast.ask(a, keep_log(0, {{.name = "log", .link = "public/third.txt"}})).ok());
  CHECK(cast.rows(a).count(tables::task_artifacts.id) == 1);
  CHECK(cast.ask(a, keep_log(1, log)).error().code == Errc::conflict);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a resolution with a bad artifact changes nothing", "[claim]") {
  Cast cast;
  run_a(cast);
  const auto answer =
      cast.ask(a, resolve(cast.claim("A"), {Outcome::COMPLETED}, {{.name = "log"}, {.name = ""}}));
  CHECK(answer.error().code == Errc::invalid);
  CHECK(cast.task("A").state() == State::RUNNING);
  CHECK(cast.rows(a).count(tables::task_artifacts.id) == 0);
}

}  // namespace
}  // namespace troupe::test
