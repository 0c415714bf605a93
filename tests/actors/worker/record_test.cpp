// A worker's record, its quarantine, and claims that no connection holds: one worker by itself,
// message by message.
#include "actors/worker/worker_actor.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>

namespace troupe::test {
namespace {

using W = schema::WorkerMessage;
using worker::WorkerState;

constexpr Duration day = 24 * hour;
const worker::WorkerConfig config{15 * second, 30 * minute};

// A worker with its rows and timers; what it sends and answers is kept.
struct Post {
  WorkerState state;
  MemoryRows rows;
  TimersByName timers;
  Instant now = start;
  std::vector<Send> sends;
  std::vector<Reply> replies;
  std::uint64_t calls = 0;
  std::uint64_t number = 0;  // of the latest message
  bool at_rest = true;       // a task that was told of a lost claim has answered

  Result<Done> handle(Message message) {
    const Context context{default_worker, now, ++number, rows};
    auto outcome = worker::transition(state, message, config, context);
    if (!outcome.ok()) return outcome.error();
    auto t = std::move(outcome).value();
    rows.apply(t.effects.rows);
    for (const auto& timer : t.effects.timers) {
      timers.erase(timer.name);
      if (timer.due) timers[timer.name] = timer;
    }
    if (t.effects.remove) timers.clear();
    for (auto& send : t.effects.sends) sends.push_back(std::move(send));
    for (auto& reply : t.effects.replies) replies.push_back(std::move(reply));
    state = std::move(t.next);
    if (state.exists) {
      const Bytes row = worker::encode_row(state);
      const Bytes again = worker::encode_row(worker::decode_row(row.words()));
      CHECK(std::ranges::equal(row.words(), again.words()));
      rows.apply({{tables::worker_state.id, "", row}});
    }
    if (at_rest) check();
    return Done{};
  }

  Result<Done> hear(Bytes body) {
    Message message;
    message.reply_to = {1, ++calls};
    message.body = std::move(body);
    return handle(std::move(message));
  }
  Result<Done> hear(const std::function<void(W::Builder)>& fill) { return hear(build<W>(fill)); }

  // All that is due until then.
  void advance(Duration duration) {
    const Instant until = now + duration;
    for (;;) {
      auto next = timers.end();
      for (auto at = timers.begin(); at != timers.end(); ++at) {
        if (next == timers.end() || *at->second.due < *next->second.due) next = at;
      }
      if (next == timers.end() || *next->second.due > until) break;
      now = *next->second.due;
      Message message;
      message.source = Message::Source::timer;
      message.timer = next->first;
      message.due = now;
      timers.erase(next);
      REQUIRE(handle(std::move(message)).ok());
    }
    now = until;
  }

  void check() const {
    for (const auto& broken : broken_in_worker(rows, timers)) FAIL_CHECK(broken);
  }

  bool answered() const { return !replies.empty() && replies.back().to.call == calls; }
};

struct Claimed {
  bool timed = false;
  bool unseen = false;
  std::string task = "A";
  std::uint64_t token = 7;
};

// What the queue says to `asked`, a worker's message about its quarantine.
Bytes quarantine_answer(const Send& asked) {
  Stored<schema::TaskQueueMessage> stored(asked.body);
  REQUIRE(stored.get().isQuarantine());
  return build<W>([&](W::Builder m) {
    m.setQuarantineAnswer();
    m.setQuestion(stored.get().getQuestion());
  });
}

Bytes claimed(const Claimed& how) {
  return build<W>([&](W::Builder m) {
    auto claimed = m.initClaimed();
    claimed.getClaim().setTaskId(text(how.task));
    claimed.getClaim().setToken(how.token);
    claimed.setTimed(how.timed);
    claimed.setUnseen(how.unseen);
  });
}

Bytes ended(const std::string& task, std::uint64_t token) {
  return build<W>([&](W::Builder m) {
    auto ended = m.initClaimEnded().initEnded();
    ended.setTaskId(text(task));
    ended.setToken(token);
  });
}

Bytes seen() {
  return build<W>([](W::Builder m) { m.setSeen(); });
}
Bytes declare(Instant expires) {
  return build<W>([&](W::Builder m) { m.setDeclare(expires.ms); });
}
Bytes quarantine(Instant until, const std::string& info = "why") {
  return build<W>([&](W::Builder m) {
    auto change = m.initQuarantine();
    change.setClientId("admin");
    change.setQuarantineUntil(until.ms);
    change.setQuarantineInfo(text(info));
  });
}

TEST_CASE("what makes a worker's record, and how long it is kept", "[worker]") {
  struct Row {
    const char* what;
    Bytes message;
    bool is_made;
    Duration kept;
  };
  const std::vector<Row> table{
      {"it asks for work", seen(), true, day},
      {"it claims over RPC", claimed({}), true, day},
      {"it claims over HTTP", claimed({.timed = true}), true, day},
      {"it claims a run by name", claimed({.timed = true, .unseen = true}), false, {}},
      {"it is declared", declare(start + 3 * hour), true, 3 * hour},
  };
  for (const Row& row : table) {
    INFO(row.what);
    Post post;
    REQUIRE(post.hear(row.message).ok());
    CHECK(post.state.exists);
    CHECK(post.state.has_record() == row.is_made);
    CHECK(post.state.expires == (row.is_made ? start + row.kept : Instant{}));
    CHECK(post.state.first_claim == (row.is_made ? start : Instant{}));
    CHECK(post.state.worker_group == "g");
    CHECK(post.state.worker_id == "w");
    CHECK(post.state.task_queue_id == "local/default");
  }
}

TEST_CASE("a record is made once, and never shortened", "[worker]") {
  Post post;
  REQUIRE(post.hear(claimed({.timed = true, .unseen = true})).ok());
  CHECK(post.state.recent.empty());
  post.advance(minute);
  REQUIRE(post.hear(declare(start + 10 * day)).ok());
  CHECK(post.answered());
  CHECK(post.state.first_claim == start + minute);
  CHECK(post.state.last_active == post.state.first_claim);
  post.advance(minute);
  REQUIRE(post.hear(seen()).ok());
  REQUIRE(post.hear(declare(start)).ok());
  CHECK(post.state.expires == start + 10 * day);
  CHECK(post.state.first_claim == start + minute);
  CHECK(post.state.last_active == start + 2 * minute);
  // From now on it is somebody whose tasks are noted.
  REQUIRE(post.hear(claimed({.timed = true, .unseen = true, .task = "B"})).ok());
  CHECK(post.state.recent == std::vector<worker::ClaimedRun>{{"B", 0}});
}

TEST_CASE("recent runs are in the order of their claims, whichever is told of first", "[worker]") {
  Post post;
  REQUIRE(post.hear(seen()).ok());
  const auto hear = [&post](const std::string& task, std::uint64_t token) {
    REQUIRE(post.hear(claimed({.timed = true, .task = task, .token = token})).ok());
  };
  const auto names = [&post] {
    std::string all;
    for (const auto& run : post.state.recent) all += run.task_id;
    return all;
  };
  for (const char* task : {"B", "D", "C", "A"}) hear(task, 10 + static_cast<unsigned>(*task));
  CHECK(names() == "ABCD");
  // A run that has ended was claimed before all that is told of later.
  REQUIRE(post.hear(ended("D", 10 + 'D')).ok());
  hear("0", 1);
  CHECK(names() == "ABCD0");
  // The oldest goes, even if it is the last that is told of.
  for (char task = 'E'; task < 'E' + 20; ++task) hear({task}, 100 + static_cast<unsigned>(task));
  CHECK(names() == "EFGHIJKLMNOPQRSTUVWX");
  hear("Y", 50);
  CHECK(names() == "EFGHIJKLMNOPQRSTUVWX");
}

TEST_CASE("a worker that nobody knows is not declared for the past", "[worker]") {
  Post post;
  const bool claims = GENERATE(false, true);
  if (claims) REQUIRE(post.hear(claimed({.timed = true, .unseen = true})).ok());
  CHECK(post.hear(declare(start)).error().code == Errc::invalid);
  CHECK(post.hear(declare(start + Duration{1})).ok());
}

TEST_CASE("a record goes when it has expired for some time and nothing is held", "[worker]") {
  Post post;
  REQUIRE(post.hear(seen()).ok());
  post.advance(hour);
  REQUIRE(post.hear(seen()).ok());
  const bool held = GENERATE(false, true);
  if (held) REQUIRE(post.hear(claimed({.timed = true})).ok());
  post.advance(day + 30 * minute - Duration{1});
  CHECK(post.state.exists);
  post.advance(Duration{1});
  CHECK(post.state.exists == held);
  if (held) {
    REQUIRE(post.hear(ended("A", 7)).ok());
    post.advance(30 * minute);
  }
  CHECK_FALSE(post.state.exists);
  CHECK(post.rows.empty());
  CHECK(post.timers.empty());
}

TEST_CASE("claims of who asks over HTTP keep no record that is there", "[worker]") {
  Post post;
  REQUIRE(post.hear(seen()).ok());
  post.advance(minute);
  REQUIRE(post.hear(claimed({.timed = true})).ok());
  CHECK(post.state.expires == start + day);
  CHECK(post.state.recent.size() == 1);
  REQUIRE(post.hear(seen()).ok());
  CHECK(post.state.expires == start + minute + day);
}

TEST_CASE("a worker that only claims by name leaves nothing behind", "[worker]") {
  Post post;
  REQUIRE(post.hear(claimed({.timed = true, .unseen = true})).ok());
  post.advance(5 * hour);
  CHECK(post.state.exists);
  REQUIRE(post.hear(ended("A", 7)).ok());
  post.advance(30 * minute);
  CHECK(post.rows.empty());
}

TEST_CASE("a connected worker's record does not expire", "[worker]") {
  Post post;
  REQUIRE(post.hear(connect({})).ok());
  post.advance(100 * day);
  CHECK(post.state.expires_at(post.now) == post.now + day);
  REQUIRE(post.hear(disconnect(1)).ok());
  CHECK(post.state.expires == post.now + day);
  post.advance(day + 30 * minute);
  CHECK(post.rows.empty());
}

TEST_CASE("a worker that was connected once and asks over HTTP now is there", "[worker]") {
  Post post;
  REQUIRE(post.hear(connect({})).ok());
  REQUIRE(post.hear(seen()).ok());
  CHECK_FALSE(post.state.polls());
  REQUIRE(post.hear(disconnect(1)).ok());
  CHECK_FALSE(post.state.is_there(post.now));
  post.advance(minute);
  REQUIRE(post.hear(seen()).ok());
  CHECK(post.state.polls());
  CHECK(post.state.is_there(post.now));
}

TEST_CASE("who ends a claim depends on how it was made", "[worker]") {
  Post post;
  REQUIRE(post.hear(connect({})).ok());
  REQUIRE(post.hear(claimed({.timed = true, .task = "timed"})).ok());
  REQUIRE(post.hear(claimed({.task = "leased", .token = 8})).ok());
  CHECK(post.replies.size() == 2);  // `connected`, and the one claim that it awaits
  post.at_rest = false;
  SECTION("by a goodbye") {
    REQUIRE(post.hear(farewell(1)).ok());
  }
  SECTION("by a lost connection") {
    REQUIRE(post.hear(disconnect(1)).ok());
    post.advance(15 * second);
  }
  SECTION("by a new process of its name") {
    REQUIRE(post.hear(connect({.session = 2, .process = 2})).ok());
    REQUIRE(post.hear(disconnect(2)).ok());
  }
  REQUIRE(post.sends.size() == 1);
  CHECK(post.sends[0].to == task_id("leased"));
  REQUIRE(post.hear(ended("leased", 8)).ok());
  post.check();
  CHECK(post.state.claims.size() == 1);
  CHECK(post.state.timed.size() == 1);
  WorkerState again;
  worker::read_claims(post.rows, again);
  CHECK(again.timed == post.state.timed);
  post.advance(hour);
  CHECK(post.sends.size() == 1);
  CHECK_FALSE(post.timers.contains("lease"));
}

TEST_CASE("a quarantine is stored, told to the queue, and answered then", "[worker]") {
  Post post;
  const auto tells = [&](Instant until) {
    const Send& last = post.sends.back();
    CHECK(last.to == default_queue);
    Stored<schema::TaskQueueMessage> stored(last.body);
    const auto told = stored.get().getQuarantine();
    CHECK(told.getUntil() == until.ms);
    CHECK(str(told.getQuarantined().getWorkerGroup()) == "g");
    CHECK(str(told.getQuarantined().getWorkerId()) == "w");
  };
  CHECK(post.hear(quarantine(start + hour)).error().code == Errc::not_found);
  REQUIRE(post.hear(claimed({.timed = true, .unseen = true})).ok());
  CHECK(post.hear(quarantine(start + hour)).error().code == Errc::not_found);
  REQUIRE(post.hear(declare(start + hour)).ok());

  post.replies.clear();
  REQUIRE(post.hear(quarantine(start + 5 * day)).ok());
  tells(start + 5 * day);
  CHECK(post.replies.empty());
  CHECK(post.state.expires == start + day);
  REQUIRE(post.hear(quarantine(start)).ok());
  tells(start);
  const std::uint64_t asked = post.calls;
  REQUIRE(post.sends.size() == 2);
  for (const std::uint64_t earlier : {1, 0}) {
    REQUIRE(post.hear(quarantine_answer(post.sends[1 - earlier])).ok());
    CHECK(post.replies.back().to.call == asked - earlier);
  }
  REQUIRE(post.state.quarantines.size() == 2);
  CHECK(post.state.quarantines[0] == worker::Quarantine{"admin", start, start + 5 * day, "why"});
  CHECK(post.state.quarantine_until == start);
}

TEST_CASE("what a queue says to a change of before a restart answers no later one", "[worker]") {
  Post post;
  REQUIRE(post.hear(declare(start + hour)).ok());
  REQUIRE(post.hear(quarantine(start + day)).ok());
  const Send lost = post.sends.back();
  post.state.quarantining.clear();  // whoever asked is gone
  post.replies.clear();
  REQUIRE(post.hear(quarantine(start)).ok());
  const std::uint64_t asked = post.calls;
  const Send sent = post.sends.back();
  REQUIRE(post.hear(quarantine_answer(lost)).ok());
  CHECK(post.replies.empty());
  REQUIRE(post.hear(quarantine_answer(sent)).ok());
  REQUIRE(post.replies.size() == 1);
  CHECK(post.replies[0].to.call == asked);
}

TEST_CASE("the last hundred changes of a quarantine are kept", "[worker]") {
  Post post;
  REQUIRE(post.hear(seen()).ok());
  for (int i = 0; i < 103; ++i) {
    REQUIRE(post.hear(quarantine(start + i * hour, std::to_string(i))).ok());
  }
  REQUIRE(post.state.quarantines.size() == 100);
  CHECK(post.state.quarantines.front().info == "3");
  CHECK(post.state.quarantines.back().info == "102");
}

TEST_CASE("a quarantine keeps the record", "[worker]") {
  Post post;
  REQUIRE(post.hear(seen()).ok());
  REQUIRE(post.hear(quarantine(start + 9 * day)).ok());
  REQUIRE(post.hear(quarantine_answer(post.sends.back())).ok());
  post.advance(9 * day + 29 * minute);
  CHECK(post.state.exists);
  post.advance(minute);
  CHECK(post.rows.empty());
}

TEST_CASE("a restart forgets no claim, however many there are", "[worker]") {
  constexpr std::uint64_t claims = 10'001;  // a fleet that asks over HTTP under one name
  MemoryRows rows;
  for (std::uint64_t i = 0; i < claims; ++i) {
    const std::string task = std::to_string(i);
    rows.apply({{tables::worker_claims.id, KeyWriter().text(task).u64(0).prefix(),
                 build<schema::WorkerClaimRow>([&](auto row) {
                   row.setTaskId(text(task));
                   row.setToken(i + 1);
                   row.setTimed(true);
                 })}});
  }
  WorkerState again;
  worker::read_claims(rows, again);
  CHECK(again.claims.size() == claims);
  CHECK(again.timed.size() == claims);
}

TEST_CASE("a worker's offer is kept as it last said it", "[worker]") {
  Post post;
  REQUIRE(post.hear(connect({})).ok());
  CHECK_FALSE(post.state.resources);
  REQUIRE(post.hear([](W::Builder m) {
                auto connect = m.initConnect();
                connect.setSession(2);
                auto offered = connect.initInfo().initResources(1);
                offered[0].setName("cpu");
                offered[0].setAmount(8'000);
              })
              .ok());
  CHECK(post.state.resources == std::vector<worker::Resource>{{"cpu", 8'000}});
  REQUIRE(post.hear([](W::Builder m) {
                auto connect = m.initConnect();
                connect.setSession(3);
                connect.initInfo().initResources(0);
              })
              .ok());
  CHECK(post.state.resources == std::vector<worker::Resource>{});
  CHECK(worker::decode_row(worker::encode_row(post.state).words()).resources.has_value());
}

}  // namespace
}  // namespace troupe::test
