// Why something is not running, asked of all actors' rows.
#include "actors/task/explain.h"

#include "actors/task/queries.h"
#include "actors/worker/drain.h"
#include "actors/worker/queries.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/cast.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

const ActorId a = task_id("A");
const ActorId w = default_worker;
const std::string disk = "disk: 1.2 GiB free of 5.0 GiB wanted in /w";

struct Told {
  std::string code;
  std::string message;
  std::string help;
  Names members;  // `2 blocked B`
};

Told explain(const Cast& cast, const std::string& subject) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<schema::Explanation>();
  REQUIRE(task::explain(cast.snapshot(), subject, cast.now, out).ok());
  const auto said = out.asReader();
  Told told{str(said.getCode()), str(said.getMessage()), str(said.getHelp()), {}};
  for (const auto member : said.getMembers()) {
    told.members.push_back(std::to_string(member.getTasks()) + " " + str(member.getCode()) + " " +
                           str(member.getTaskId()));
  }
  return told;
}

void create(Cast& cast, const std::string& id, const NewTask& task = {}) {
  REQUIRE(cast.ask(task_id(id), create_task(id, task)).ok());
}

std::string name_of(const Cast& cast, const std::string& id) {
  return str(task::find_task(cast.snapshot(), id)->row().getName());
}

void connect_worker(Cast& cast, const Connection& connection = {}) {
  cast.tell(worker_id(connection.queue + "/" + connection.worker), connect(connection));
  cast.run();
}

Bytes quarantined(Instant until, const std::string& info) {
  return build<schema::WorkerMessage>([&](schema::WorkerMessage::Builder m) {
    auto change = m.initQuarantine();
    change.setClientId("admin");
    change.setQuarantineUntil(until.ms);
    change.setQuarantineInfo(text(info));
  });
}

std::string pause_of(const Cast& cast) {
  return worker::find_worker(cast.snapshot(), "local/default", "g", "w")->pause;
}

TEST_CASE("a task that waits for a worker that pauses names it and its reason", "[explain]") {
  Cast cast;
  connect_worker(cast);
  create(cast, "A");
  REQUIRE(cast.ask(w, paused(1, disk)).ok());
  const Told told = explain(cast, "A");
  CHECK(told.code == "workers-paused");
  CHECK(told.message == "1 worker paused, g/w: " + disk);
  CHECK(explain(cast, "local/default").code == "workers-paused");
  CHECK(explain(cast, "local/default/g/w").code == "workers-paused");
  CHECK(explain(cast, "local/default/g/w").message ==
        "connected, runs 0 of 1, takes no more: " + disk);

  SECTION("until the pause ends") {
    REQUIRE(cast.ask(w, paused(1, "")).ok());
  }
  SECTION("until the worker connects anew") {
    connect_worker(cast, {.session = 2, .process = 2});
  }
  SECTION("until the worker is gone") {
    REQUIRE(cast.ask(w, GENERATE(true, false) ? disconnect(1) : farewell(1)).ok());
  }
  SECTION("until the server starts anew") {
    cast.restart();
    REQUIRE(cast.ask(w, restarted()).ok());
  }
  CHECK(pause_of(cast).empty());
  CHECK(explain(cast, "A").code != "workers-paused");
  CHECK(cast.faults == Names{});
}

TEST_CASE("a pause outlives a server that forgets what no row has", "[explain]") {
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(w, paused(1, disk)).ok());
  cast.restart();
  CHECK(pause_of(cast) == disk);
}

TEST_CASE("the word of an earlier connection is late", "[explain]") {
  Cast cast;
  connect_worker(cast);
  connect_worker(cast, {.session = 2});
  REQUIRE(cast.ask(w, paused(1, disk)).ok());
  CHECK(pause_of(cast).empty());
  REQUIRE(cast.ask(w, disconnect(2)).ok());
  REQUIRE(cast.ask(w, paused(2, disk)).ok());
  CHECK(pause_of(cast).empty());
  CHECK(cast.faults == Names{});
}

TEST_CASE("one worker that pauses does not stop the others", "[explain]") {
  Cast cast;
  connect_worker(cast);
  connect_worker(cast, {.worker = "g/other", .session = 7});
  REQUIRE(cast.ask(w, paused(1, disk)).ok());
  create(cast, "A");
  CHECK(explain(cast, "A").code.empty());
  REQUIRE(cast.ask(default_queue, await({.worker = "g/other", .session = 7})).ok());
  create(cast, "B");
  const Told told = explain(cast, "B");
  CHECK(told.code == "workers-busy");
  CHECK(told.message == "0 ahead, 1 worker busy, 1 worker paused, g/w: " + disk);
}

TEST_CASE("a running task whose worker is away says since when and what comes", "[explain]") {
  const int retries = GENERATE(0, 1);
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  create(cast, "A", {.group = "G", .retries = retries});
  CHECK(explain(cast, "A").message == "running on g/w for 0ms");
  REQUIRE(cast.ask(w, disconnect(1)).ok());
  cast.advance(4 * second);
  const std::string end = retries > 0 ? "the run is retried"
                                      : "the task ends as exception (worker-shutdown), as it has "
                                        "no retries";
  const std::string lease_end = format_time(start + 15 * second);
  const Told told = explain(cast, "A");
  CHECK(told.code == "no-worker");
  CHECK(told.message == "its worker g/w has been away for 4.0s; unless it comes back, " + end +
                            " at " + lease_end + ", when its lease ends");
  CHECK(explain(cast, "local/default/g/w").message ==
        "not connected for 4.0s, its 1 task run again at " + lease_end + ", when its lease ends");
  CHECK(explain(cast, "G").members == Names{"1 no-worker A"});

  SECTION("it comes back") {
    const ClaimOf claim = cast.claim("A");
    connect_worker(cast, {.session = 2, .held = {{"A", claim.run, claim.token}}});
    CHECK(explain(cast, "A").code.empty());
  }
  SECTION("the server starts anew: so does the lease, not the absence") {
    cast.restart();
    REQUIRE(cast.ask(w, restarted()).ok());
    const std::string message = explain(cast, "A").message;
    CHECK(message.find("away for 4.0s") != std::string::npos);
    CHECK(message.find(format_time(cast.now + 15 * second)) != std::string::npos);
  }
  CHECK(cast.faults == Names{});
}

TEST_CASE("a worker that the server lost is away from the start on", "[explain]") {
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  create(cast, "A");
  cast.advance(5 * minute);
  cast.restart();
  REQUIRE(cast.ask(w, restarted()).ok());
  cast.advance(2 * second);
  CHECK(explain(cast, "A").message.find("away for 2.0s") != std::string::npos);
}

TEST_CASE("a group tells its members by reason, the worst first", "[explain]") {
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  create(cast, "A", {.group = "G"});
  REQUIRE(cast.task("A").state() == State::RUNNING);
  for (const char* id : {"B", "C"}) create(cast, id, {.group = "G"});
  for (const char* id : {"D", "E", "F"}) create(cast, id, {.group = "G", .needs = {"A"}});

  SECTION("well, while something runs and the rest waits its turn") {
    const Told told = explain(cast, "G");
    CHECK(told.code.empty());
    CHECK(told.members == Names{"2 workers-busy B", "3 blocked D", "1  A"});
    CHECK(told.message == "2 workers-busy, 3 blocked, 1 running; B: 0 ahead, 1 worker busy");
  }
  SECTION("not well with one that nobody serves") {
    create(cast, "H", {.queue = "local/gpu", .group = "G"});
    const Told told = explain(cast, "G");
    CHECK(told.code == "no-worker");
    CHECK(told.members.front() == "1 no-worker H");
    CHECK(told.members.size() == 4);
    CHECK(told.help.find("local/gpu") != std::string::npos);
  }
  SECTION("a failure blocks others") {
    REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::FAILED})).ok());
    const Told told = explain(cast, "G");
    CHECK(told.code == "blocked-by-failure");
    CHECK(told.members.front() == "3 blocked-by-failure D");
    CHECK(told.message.find(", 1 ended; ") != std::string::npos);
  }
  SECTION("all have ended") {
    for (const char* id : {"A", "B", "C", "D", "E", "F"}) {
      REQUIRE(cast.ask(task_id(id), cancel()).ok());
    }
    CHECK(explain(cast, "G").message == "all of its tasks have ended");
    CHECK(explain(cast, "G").members.empty());
  }
  CHECK(cast.faults == Names{});
}

TEST_CASE("what blocks a task is followed to its root, with what would help", "[explain]") {
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  create(cast, "A", {.group = "G"});
  create(cast, "P", {.group = "G", .needs = {"A"}});
  create(cast, "N", {.group = "G", .needs = {"A", "P"}, .requirement = Requires::ALL_RESOLVED});
  create(cast, "Z", {.group = "G", .needs = {"P"}});
  const std::string p = name_of(cast, "P");
  const std::string a_name = name_of(cast, "A");

  SECTION("that still runs: no help is needed") {
    const Told told = explain(cast, "Z");
    CHECK(told.code == "blocked");
    CHECK(told.message ==
          "blocked by " + p + " (unscheduled), which waits for " + a_name + " (running)");
    CHECK(told.help.empty());
  }
  SECTION("that has failed, for one that asks only that what it needs ends") {
    REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::FAILED})).ok());
    const Told told = explain(cast, "N");
    CHECK(told.code == "blocked-by-failure");
    CHECK(told.message ==
          "blocked by " + p + " (unscheduled), which waits for " + a_name + " (failed)");
    CHECK(told.help == "rerun " + a_name + ": `troupe task rerun A`, or cancel " + p +
                           ": `troupe task cancel P`");
    // What is told helps.
    REQUIRE(cast.ask(task_id("P"), cancel()).ok());
    cast.run();
    CHECK(cast.task("N").state() == State::PENDING);
  }
  SECTION("that has failed, and can be rerun no more") {
    create(cast, "S", {.group = "G", .deadline = start + minute});
    create(cast, "T", {.group = "G", .needs = {"S"}});
    const std::string name = name_of(cast, "S");
    REQUIRE(cast.ask(task_id("S"), cancel()).ok());
    CHECK(explain(cast, "T").help ==
          "rerun " + name + ": `troupe task rerun S`, or schedule this task by hand");
    cast.advance(2 * minute);
    CHECK(explain(cast, "T").help == "the deadline of " + name +
                                         " has passed, so nothing can be rerun; schedule it: "
                                         "`troupe task schedule T`");
  }
  SECTION("that has failed, for one that asks that it completes") {
    REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::FAILED})).ok());
    CHECK(explain(cast, "Z").code == "blocked-by-failure");
    CHECK(explain(cast, "Z").help ==
          "rerun " + a_name + ": `troupe task rerun A`, or schedule this task by hand");
    CHECK(explain(cast, "P").message == "blocked by " + a_name + " (failed)");
    CHECK(explain(cast, "G").members == Names{"3 blocked-by-failure N"});
  }
  SECTION("that nobody serves") {
    create(cast, "H", {.queue = "local/gpu", .group = "G"});
    create(cast, "I", {.group = "G", .needs = {"H"}});
    create(cast, "J", {.group = "G", .needs = {"I"}});
    const Told told = explain(cast, "J");
    CHECK(told.code == "blocked");
    CHECK(told.message.find("no worker serves local/gpu") != std::string::npos);
    CHECK(told.help.find("--pool local/gpu") != std::string::npos);
  }
  CHECK(cast.faults == Names{});
}

TEST_CASE("a chain of a thousand tasks behind a failure is told as one", "[explain]") {
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  create(cast, "A", {.group = "G"});
  std::string before = "A";
  for (int i = 0; i < 900; ++i) {
    const std::string id = "T" + std::to_string(i);
    create(cast, id, {.group = "G", .needs = {before}});
    before = id;
  }
  REQUIRE(cast.ask(a, resolve(cast.claim("A"), {Outcome::FAILED})).ok());
  CHECK(explain(cast, before).code == "blocked-by-failure");
  CHECK(explain(cast, "G").members == Names{"900 blocked-by-failure T0"});
}

TEST_CASE("what many members need is looked at once", "[explain]") {
  constexpr int builds = 40;
  constexpr int tests = 60;
  Cast cast;
  connect_worker(cast);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  std::vector<std::string> needs;
  for (int i = 0; i < builds; ++i) {
    needs.push_back("B" + std::to_string(i));
    create(cast, needs.back(), {.group = "G"});
  }
  for (int i = 0; i < tests; ++i) {
    create(cast, "T" + std::to_string(i), {.group = "G", .needs = needs});
  }
  const auto explained = [&cast] {
    const MemorySnapshot snapshot = cast.snapshot();
    capnp::MallocMessageBuilder message;
    auto out = message.initRoot<schema::Explanation>();
    REQUIRE(task::explain(snapshot, "G", cast.now, out).ok());
    CHECK(snapshot.gets() < 6 * (builds + tests));
    return str(out.asReader().getMembers()[0].getCode());
  };
  CHECK(explained() == "workers-busy");
  REQUIRE(cast.ask(task_id("B0"), resolve(cast.claim("B0"), {Outcome::FAILED})).ok());
  CHECK(explained() == "blocked-by-failure");
}

TEST_CASE("a group with more reasons than are told tells of twenty", "[explain]") {
  Cast cast;
  for (int i = 0; i < 30; ++i) {
    create(cast, "T" + std::to_string(i), {.queue = "local/q" + std::to_string(i), .group = "G"});
  }
  CHECK(explain(cast, "G").members.size() == 20);
}

TEST_CASE("a group whose tasks have expired says so, and does not pass for a task", "[explain]") {
  Cast cast;
  create(cast, "A", {.group = "G", .expires = start + 2 * hour});
  REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  CHECK(explain(cast, "G").message == "all of its tasks have ended");
  cast.advance(150 * minute);  // past queue.expiration_delay
  CHECK(explain(cast, "G").message.starts_with("no task of this id is there any more: "));
}

TEST_CASE("a drain reads as one, and names what ends it", "[explain]") {
  Cast cast;
  connect_worker(cast);
  create(cast, "A");
  const std::string why = GENERATE(as<std::string>(), "", "a new disk");
  const auto until = worker::drained_until(cast.now);
  REQUIRE(cast.ask(w, quarantined(until, worker::drain_info(why))).ok());
  const std::string said = "drained" + (why.empty() ? "" : ": " + why) +
                           "; `troupe worker resume g/w` gives it tasks again";
  CHECK(explain(cast, "A").message == "1 worker paused, g/w: " + said);
  CHECK(explain(cast, "local/default/g/w").message ==
        "connected, runs 0 of 1, takes no more: " + said);
  CHECK(explain(cast, "local/default")
            .message.starts_with("1 pending, 0 running, 1 worker (1 drained): 1 workers-paused; "));

  REQUIRE(cast.ask(w, quarantined(cast.now + hour, "drained at noon")).ok());
  CHECK(explain(cast, "A").message == "1 worker paused, g/w: in quarantine until " +
                                          format_time(cast.now + hour) + ": drained at noon");
  CHECK(explain(cast, "local/default")
            .message.starts_with("1 pending, 0 running, 1 worker (1 in quarantine): "));
}

}  // namespace
}  // namespace troupe::test
