// Limits in `extra`: what is read, what is refused, and what the queue is told.
#include "actors/task/limits.h"

#include "actors/kinds.h"
#include "actors/task/codec.h"
#include "actors/task/task_actor.h"
#include "actors/task_queue/codec.h"
#include "runtime/store/message.h"
#include "runtime/transcode/json.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;
using Demands = std::vector<task::Demand>;

// The paths of what is wrong.
Names faults_of(const std::string& extra) {
  std::vector<FieldError> faults;
  task::read_limits(extra, faults);
  Names paths;
  for (const auto& fault : faults) paths.push_back(fault.path);
  return paths;
}

task::Limits limits_of(const std::string& extra) {
  std::vector<FieldError> faults;
  auto limits = task::read_limits(extra, faults);
  CHECK(faults.empty());
  return limits;
}

TEST_CASE("without limits there are none", "[limits]") {
  const std::string extra =
      GENERATE("{}", R"({"x": 1})", R"({"x": {"resources": 1, "concurrency": 2}})",
               R"({"resources": {}})", R"({"resources": {"cpu": 0, "memory": 0, "x": 0}})");
  CHECK_FALSE(limits_of(extra).any());
}

TEST_CASE("a concurrency key and its limit", "[limits]") {
  const auto limits = limits_of(R"({"concurrency": {"key": "deploy to x", "limit": 2}})");
  CHECK(limits.concurrency_key == "deploy to x");
  CHECK(limits.concurrency_limit == 2);
  CHECK(limits.demands.empty());
  CHECK(limits.any());
}

TEST_CASE("a name in a definition may be escaped", "[limits]") {
  CHECK(limits_of(R"({"\u0063oncurrency": {"key": "k", "limit": 1}})").concurrency_key == "k");
}

TEST_CASE("resources are sorted and in whole units", "[limits]") {
  const auto limits = limits_of(R"({"resources": {"memory": "4GiB", "gpu_x.1": 2, "cpu": 1.5}})");
  CHECK(limits.demands == Demands{{"cpu", 1'500}, {"gpu_x.1", 2}, {"memory", 4ULL << 30}});
  CHECK(limits_of(R"({"resources": {"cpu": 4}})").demands == Demands{{"cpu", 4'000}});
  CHECK(limits_of(R"({"resources": {"cpu": 0.001, "memory": 100}})").demands ==
        Demands{{"cpu", 1}, {"memory", 100}});
  CHECK(limits_of(R"({"resources": {"memory": "10KB"}})").demands == Demands{{"memory", 10'000}});
}

TEST_CASE("a number is whole however it is written", "[limits]") {
  const auto limits = limits_of(R"({"concurrency": {"key": "k", "limit": 1.0},
                                    "resources": {"memory": 1e3, "x": 2.0, "y": 0.0}})");
  CHECK(limits.concurrency_limit == 1);
  CHECK(limits.demands == Demands{{"memory", 1'000}, {"x", 2}});
}

TEST_CASE("of limits that are there twice the last count", "[limits]") {
  const auto limits = limits_of(R"({"concurrency": {"key": "first", "limit": 1},
                                    "resources": {"x": 1}, "other": 0,
                                    "resources": {"x": 2},
                                    "concurrency": {"key": "last", "limit": 2}})");
  CHECK(limits.concurrency_key == "last");
  CHECK(limits.concurrency_limit == 2);
  CHECK(limits.demands == Demands{{"x", 2}});
  // What does not count is not looked at.
  CHECK_FALSE(limits_of(R"({"resources": 5, "resources": {}})").any());
}

TEST_CASE("what is malformed is named by its path", "[limits]") {
  struct Row {
    std::string extra;
    Names paths;
  };
  const std::string long_key(201, 'k');
  const auto row = GENERATE_COPY(values<Row>({
      {R"({"concurrency": 5})", {"extra.concurrency"}},
      {R"({"concurrency": null})", {"extra.concurrency"}},
      {R"({"concurrency": {}})", {"extra.concurrency.key", "extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "", "limit": 1}})", {"extra.concurrency.key"}},
      {R"({"concurrency": {"key": 1, "limit": 1}})", {"extra.concurrency.key"}},
      {R"({"concurrency": {"key": "\u00e9", "limit": 1}})", {"extra.concurrency.key"}},
      {R"({"concurrency": {"key": "\n", "limit": 1}})", {"extra.concurrency.key"}},
      {R"({"concurrency": {"key": ")" + long_key + R"(", "limit": 1}})", {"extra.concurrency.key"}},
      {R"({"concurrency": {"key": "k", "limit": 0}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": -1}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": 1.5}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": 0.0}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": 4294967296}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": 4294967296.0}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": "1"}})", {"extra.concurrency.limit"}},
      {R"({"concurrency": {"key": "k", "limit": 1, "x": 1}})", {"extra.concurrency.x"}},
      {R"({"resources": []})", {"extra.resources"}},
      {R"({"resources": {"cpu": "2"}})", {"extra.resources.cpu"}},
      {R"({"resources": {"cpu": -1}})", {"extra.resources.cpu"}},
      {R"({"resources": {"cpu": 1e9}})", {"extra.resources.cpu"}},
      {R"({"resources": {"cpu": 0.0001}})", {"extra.resources.cpu"}},
      {R"({"resources": {"memory": "4 apples"}})", {"extra.resources.memory"}},
      {R"({"resources": {"memory": 1.5}})", {"extra.resources.memory"}},
      {R"({"resources": {"memory": -1}})", {"extra.resources.memory"}},
      {R"({"resources": {"x": "1", "y": -1}})", {"extra.resources.x", "extra.resources.y"}},
      {R"({"resources": {"x": 9007199254740992}})", {"extra.resources.x"}},
      {R"({"resources": {"x": 9007199254740992.0}})", {"extra.resources.x"}},
      {R"({"resources": {"x": 1e300}})", {"extra.resources.x"}},
      {R"({"resources": {"a b": 1}})", {"extra.resources.a b"}},
      {R"({"resources": {"": 1}})", {"extra.resources."}},
      {R"({"resources": {"x": 1, "x": 2}})", {"extra.resources.x"}},
  }));
  INFO(row.extra);
  CHECK(faults_of(row.extra) == row.paths);
}

TEST_CASE("resources are few", "[limits]") {
  std::string extra = R"({"resources": {"a0": 1)";
  for (int i = 1; i < 33; ++i) extra += ", \"a" + std::to_string(i) + "\": 1";
  CHECK(faults_of(extra + "}}") == Names{"extra.resources"});
}

TEST_CASE("a task with malformed limits is not created", "[limits]") {
  Cast cast;
  const auto answer = cast.ask(
      task_id("A"), create_task("A", {.extra = R"({"concurrency": {"key": "k", "limit": 0}})"}));
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Errc::invalid);
  CHECK(answer.error().detail.find("extra.concurrency.limit") != std::string::npos);
  CHECK(cast.rows(task_id("A")).empty());
}

// A task's actor without those it talks to: what it says to its queue is all that is looked at.
class Alone {
 public:
  Alone() : actor_(kind_.activate(self_, rows_)) {}

  Effects tell(Message message) {
    auto outcome = actor_->handle(message, {self_, start, ++number_, rows_});
    REQUIRE(outcome.ok());
    rows_.apply(outcome.value().rows);
    return std::move(outcome).value();
  }
  Effects command(Bytes body) {
    Message message;
    message.reply_to = {1, 1};
    message.body = std::move(body);
    return tell(std::move(message));
  }
  template <class Fill>
  Effects from(const ActorId& other, Fill&& fill) {
    Message message;
    message.source = Message::Source::actor;
    message.from = other;
    message.body = build<schema::TaskMessage>(std::forward<Fill>(fill));
    return tell(std::move(message));
  }
  task::TaskState state() { return read_task(rows_); }

 private:
  const ActorId self_ = task_id("A");
  const Kind kind_ = task::kind({});
  MemoryRows rows_;
  std::unique_ptr<DurableActor> actor_;
  std::uint64_t number_ = 0;
};

using ToQueue = schema::TaskQueueMessage;

// What is said to the queue: the messages' kinds, in order.
std::vector<ToQueue::Which> said(const Effects& effects) {
  std::vector<ToQueue::Which> kinds;
  for (const Send& send : effects.sends) {
    if (send.to == default_queue) kinds.push_back(Stored<ToQueue>(send.body).get().which());
  }
  return kinds;
}

const Bytes& to_queue(const Effects& effects) {
  for (const Send& send : effects.sends) {
    if (send.to == default_queue) return send.body;
  }
  FAIL("nothing is said to the queue");
  return effects.sends.front().body;
}

constexpr const char* limited = R"({"concurrency": {"key": "k", "limit": 3},
                                    "resources": {"memory": 7, "cpu": 0.5}})";

// Its effects are those of the creation's end.
Effects create(Alone& task, const std::string& extra) {
  task.command(create_task("A", {.extra = extra}));
  return task.from(task_group_id("A"), [](auto m) { m.initGroupAnswer().setJoined(true); });
}

Effects claim(Alone& task, bool timed = false) {
  return task.from(default_queue, [timed](schema::TaskMessage::Builder m) {
    auto claim = m.initClaimRun();
    claim.setEntrySession(9);
    claim.initEntryWorker().setWorkerGroup("g");
    claim.getEntryWorker().setWorkerId("w");
    m.setTimed(timed);
  });
}

TEST_CASE("limits travel with the entry", "[limits]") {
  Alone task;
  const Effects created = create(task, limited);
  REQUIRE(said(created) == std::vector{ToQueue::PUT_ENTRY});
  Stored<ToQueue> stored(to_queue(created));
  const auto m = stored.get();
  CHECK(str(m.getConcurrencyKey()) == "k");
  CHECK(m.getConcurrencyLimit() == 3);
  REQUIRE(m.getResources().size() == 2);
  CHECK(str(m.getResources()[0].getName()) == "cpu");
  CHECK(m.getResources()[0].getAmount() == 500);
  CHECK(str(m.getResources()[1].getName()) == "memory");
  CHECK(m.getResources()[1].getAmount() == 7);
  CHECK(task.state().limits == limits_of(limited));
}

TEST_CASE("an entry without limits says nothing of them", "[limits]") {
  Alone task;
  Stored<ToQueue> stored(to_queue(create(task, "{}")));
  CHECK_FALSE(stored.get().hasConcurrencyKey());
  CHECK_FALSE(stored.get().hasResources());
}

TEST_CASE("the queue hears which claim it is, and that a limited one has ended", "[limits]") {
  const bool has_limits = GENERATE(true, false);
  const bool completed = GENERATE(true, false);
  Alone task;
  create(task, has_limits ? limited : "{}");
  const Effects claimed = claim(task);
  REQUIRE(said(claimed) == std::vector{ToQueue::CLAIM_ANSWER});
  const task::Run run = task.state().runs[0];
  {
    Stored<ToQueue> stored(to_queue(claimed));
    const auto answer = stored.get().getClaimAnswer();
    CHECK(answer.getAccepted());
    CHECK(answer.getOfSession() == 9);
    CHECK(answer.getToken() == run.token);
    CHECK(answer.getClaimedNumber() == run.entry);
    CHECK(answer.getClaimedRunId() == 0);
  }
  const Effects ended =
      completed
          ? task.command(resolve({0, run.token}, {Outcome::COMPLETED}))
          : task.command(resolve({0, run.token}, {Outcome::EXCEPTION, Reason::INTERMITTENT_TASK}));
  std::vector<ToQueue::Which> expected;
  if (has_limits) expected.push_back(ToQueue::CLAIM_DONE);
  if (!completed) expected.push_back(ToQueue::PUT_ENTRY);
  CHECK(said(ended) == expected);
  if (has_limits) CHECK(Stored<ToQueue>(to_queue(ended)).get().getClaimDone() == run.entry);
}

TEST_CASE("a claim that is refused names the entry that it took", "[limits]") {
  Alone task;
  create(task, limited);
  const auto entry = task.state().runs[0].entry;
  CHECK(said(task.command(cancel())) == std::vector{ToQueue::REMOVE_ENTRY});
  Stored<ToQueue> stored(to_queue(claim(task)));
  const auto answer = stored.get().getClaimAnswer();
  CHECK_FALSE(answer.getAccepted());
  CHECK(answer.getToken() == 0);
  CHECK(answer.getClaimedNumber() == entry);
}

TEST_CASE("a claim over HTTP is marked so to its worker", "[limits]") {
  const bool timed = GENERATE(true, false);
  Alone task;
  create(task, "{}");
  for (const Send& send : claim(task, timed).sends) {
    if (send.to.kind != kinds::worker) continue;
    Stored<schema::WorkerMessage> stored(send.body);
    CHECK(stored.get().getClaimed().getTimed() == timed);
    CHECK_FALSE(stored.get().getClaimed().getUnseen());
  }
  CHECK(task.state().runs[0].timed == timed);
}

constexpr const char* one_at_once = R"({"concurrency": {"key": "k", "limit": 1}})";

std::uint64_t pending(Cast& cast) {
  task_queue::QueueState queue;
  const auto row = cast.rows(default_queue).get(tables::queue_state.id, "");
  if (row) task_queue::decode_row(row->words(), queue);
  return queue.pending;
}

TEST_CASE("a claim by name waits for the limit of its key like any other", "[limits]") {
  const bool named = GENERATE(true, false);  // so is the run that reaches the limit
  Cast cast;
  cast.tell(default_worker, connect({}));
  for (const char* id : {"A", "B"}) {
    REQUIRE(cast.ask(task_id(id), create_task(id, {.extra = one_at_once})).ok());
  }
  if (named) {
    REQUIRE(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1)).ok());
    // The same claim, asked for twice.
    REQUIRE(cast.ask(task_id("A"), claim_by_name(0, "g/w", 1)).ok());
    REQUIRE(cast.ask(default_queue, await({.count = 2})).ok());
  } else {
    REQUIRE(cast.ask(default_queue, await({.count = 1})).ok());
  }
  REQUIRE(cast.task("A").state() == State::RUNNING);
  CHECK(cast.task("B").state() == State::PENDING);
  const auto refused = cast.ask(task_id("B"), claim_over_http(0, "g/other"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::conflict);
  CHECK(refused.error().detail.find("\"k\" has reached its limit of 1") != std::string::npos);
  CHECK(pending(cast) == 1);
  REQUIRE(cast.ask(task_id("A"), resolve(cast.claim("A"), {Outcome::COMPLETED})).ok());
  if (!named) REQUIRE(cast.ask(task_id("B"), claim_over_http(0, "g/other")).ok());
  REQUIRE(cast.task("B").state() == State::RUNNING);
  CHECK(cast.ask(task_id("B"), claim_over_http(0, "g/third")).error().code == Errc::conflict);
  REQUIRE(cast.ask(task_id("B"), resolve(cast.claim("B"), {Outcome::COMPLETED})).ok());
  CHECK(cast.rows(default_queue).count(tables::queue_admitted.id) == 0);
  CHECK(cast.rows(default_queue).count(tables::queue_concurrency.id) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("two claims by name at once get one run", "[limits]") {
  const bool same = GENERATE(true, false);
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A", {.extra = one_at_once})).ok());
  const auto first = cast.tell(task_id("A"), claim_over_http(0, "g/w"));
  const auto second = cast.tell(task_id("A"), claim_over_http(0, same ? "g/w" : "g/v"));
  cast.run();
  REQUIRE(cast.replies(first).size() == 1);
  REQUIRE(cast.replies(second).size() == 1);
  CHECK(cast.replies(first)[0].body.ok());
  CHECK(cast.replies(second)[0].body.ok() == same);
  CHECK(cast.task("A").runs[0].worker_id == "w");
  CHECK(cast.faults == Names{});
}

TEST_CASE("a claim by name that is overtaken by the task's end takes no place", "[limits]") {
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A", {.extra = one_at_once})).ok());
  REQUIRE(cast.ask(task_id("B"), create_task("B", {.extra = one_at_once})).ok());
  const auto claim = cast.tell(task_id("A"), claim_over_http(0, "g/w"));
  cast.tell(task_id("A"), cancel());
  cast.run();
  REQUIRE(cast.replies(claim).size() == 1);
  CHECK_FALSE(cast.replies(claim)[0].body.ok());
  CHECK(cast.ask(task_id("B"), claim_over_http(0, "g/w")).ok());
  CHECK(cast.faults == Names{});
}

TEST_CASE("past its deadline a run waits no more, though its task has not ended", "[limits]") {
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A", {.extra = one_at_once})).ok());
  REQUIRE(cast.ask(task_id("B"), create_task("B", {.deadline = start + 2 * hour})).ok());
  CHECK(pending(cast) == 2);
  cast.advance(hour);
  CHECK(pending(cast) == 2);
  cast.advance(Duration{1});
  CHECK(pending(cast) == 1);
  CHECK(cast.task("A").state() == State::PENDING);
  CHECK(cast.rows(default_queue).count(tables::queue_concurrency.id) == 0);
  cast.advance(minute);
  CHECK(cast.task("A").runs.back().reason_resolved == Reason::DEADLINE_EXCEEDED);
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK_FALSE(cast.timers(task_id("A")).contains("deadline"));
  CHECK(cast.faults == Names{});
}

TEST_CASE("a claim by name over HTTP makes no worker visible", "[limits]") {
  const bool timed = GENERATE(true, false);
  Alone task;
  create(task, "{}");
  const Bytes command = timed ? claim_over_http(0, "g/w") : claim_by_name(0, "g/w", 1);
  std::size_t told = 0;
  for (const Send& send : task.command(command).sends) {
    if (send.to.kind != kinds::worker) continue;
    ++told;
    Stored<schema::WorkerMessage> stored(send.body);
    CHECK(stored.get().getClaimed().getTimed() == timed);
    CHECK(stored.get().getClaimed().getUnseen() == timed);
  }
  CHECK(told == 1);
}

}  // namespace
}  // namespace troupe::test
