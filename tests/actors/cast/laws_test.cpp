// Laws, on random plays: whatever is asked in whatever order, the invariants hold, nobody throws,
// and everything comes to rest.
#include "actors/task/codec.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

int below(int limit) {
  return *rc::gen::resize(100, rc::gen::inRange(0, limit));
}

template <class Enum>
Enum any_enum(int count) {
  return static_cast<Enum>(below(count));
}

std::string any_word() {
  static const Names words{"", "a", "task", "\u00e9", "with space", "a/b", std::string(300, 'x')};
  return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
}

Instant any_time() {
  return below(4) == 0 ? Instant{} : start + Duration{below(1'000'000'000)};
}

Names any_words() {
  Names words;
  for (int i = below(4); i > 0; --i) words.push_back(any_word());
  return words;
}

// ---- Rows ----

task::Run any_run() {
  task::Run run;
  run.state = any_enum<State>(6);
  run.reason_created = any_enum<schema::ReasonCreated>(5);
  run.reason_resolved = any_enum<Reason>(11);
  run.worker_group = any_word();
  run.worker_id = any_word();
  run.taken_until = any_time();
  run.scheduled = any_time();
  run.started = any_time();
  run.resolved = any_time();
  run.token = static_cast<std::uint64_t>(below(1'000'000));
  run.entry = static_cast<std::uint64_t>(below(1'000'000));
  run.by_name = below(2) == 0;
  run.timed = below(2) == 0;
  return run;
}

task::TaskState any_state() {
  task::TaskState s;
  s.exists = true;
  s.task_id = any_word();
  s.task_queue_id = any_word();
  s.scheduler_id = any_word();
  s.project_id = any_word();
  s.task_group_id = any_word();
  s.priority = any_enum<Priority>(7);
  s.requirement = any_enum<Requires>(2);
  s.retries = below(50);
  s.retries_left = below(50);
  s.created = any_time();
  s.deadline = any_time();
  s.expires = any_time();
  s.routes = any_words();
  for (const auto& key : any_words()) s.tags.emplace_back(key, any_word());
  s.name = any_word();
  s.limits.concurrency_key = any_word();
  if (!s.limits.concurrency_key.empty()) s.limits.concurrency_limit = 3;
  for (const auto& name : any_words()) s.limits.demands.push_back({name, 7});
  for (int i = below(4); i > 0; --i) s.runs.push_back(any_run());
  s.held = below(2) == 0;
  s.unsatisfied = static_cast<std::uint32_t>(below(100));
  s.ever_resolved = below(2) == 0;
  if (below(2) == 0) {
    s.creation =
        task::Creation{any_enum<schema::CreateStep>(4), 3, 2, any_words(), any_words(), 4, {}};
    if (s.creation->step == schema::CreateStep::NONE) s.creation->step = schema::CreateStep::UNDO;
  }
  if (below(2) == 0) {
    s.telling = task::Telling{1 + static_cast<std::uint32_t>(below(9)),
                              static_cast<std::uint32_t>(below(9)),
                              any_word(),
                              5,
                              below(2) == 0,
                              below(2) == 0,
                              below(2) == 0};
  }
  return s;
}

void same_runs(const std::vector<task::Run>& a, const std::vector<task::Run>& b) {
  RC_ASSERT(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    RC_ASSERT(a[i].state == b[i].state);
    RC_ASSERT(a[i].reason_created == b[i].reason_created);
    RC_ASSERT(a[i].reason_resolved == b[i].reason_resolved);
    RC_ASSERT(a[i].worker_group == b[i].worker_group);
    RC_ASSERT(a[i].worker_id == b[i].worker_id);
    RC_ASSERT(a[i].taken_until == b[i].taken_until);
    RC_ASSERT(a[i].scheduled == b[i].scheduled);
    RC_ASSERT(a[i].started == b[i].started);
    RC_ASSERT(a[i].resolved == b[i].resolved);
    RC_ASSERT(a[i].token == b[i].token);
    RC_ASSERT(a[i].entry == b[i].entry);
    RC_ASSERT(a[i].by_name == b[i].by_name);
    RC_ASSERT(a[i].timed == b[i].timed);
  }
}

void same_chains(const task::TaskState& a, const task::TaskState& b) {
  RC_ASSERT(a.creation.has_value() == b.creation.has_value());
  if (a.creation) {
    RC_ASSERT(a.creation->step == b.creation->step);
    RC_ASSERT(a.creation->asked == b.creation->asked);
    RC_ASSERT(a.creation->waiting == b.creation->waiting);
    RC_ASSERT(a.creation->missing == b.creation->missing);
    RC_ASSERT(a.creation->expiring == b.creation->expiring);
  }
  RC_ASSERT(a.telling.has_value() == b.telling.has_value());
  if (!a.telling) return;
  RC_ASSERT(a.telling->ended == b.telling->ended);
  RC_ASSERT(a.telling->completed == b.telling->completed);
  RC_ASSERT(a.telling->cursor == b.telling->cursor);
  RC_ASSERT(a.telling->waiting == b.telling->waiting);
  RC_ASSERT(a.telling->told_group == b.telling->told_group);
  RC_ASSERT(a.telling->again == b.telling->again);
  RC_ASSERT(a.telling->deadline_event == b.telling->deadline_event);
}

TEST_CASE("a task's row keeps its state", "[laws]") {
  rc::prop("decode(encode(state)) is the state", [] {
    const auto a = any_state();
    const auto b = task::decode_row(task::encode_row(a).words());
    RC_ASSERT(b.exists);
    RC_ASSERT(a.task_id == b.task_id);
    RC_ASSERT(a.task_queue_id == b.task_queue_id);
    RC_ASSERT(a.scheduler_id == b.scheduler_id);
    RC_ASSERT(a.project_id == b.project_id);
    RC_ASSERT(a.task_group_id == b.task_group_id);
    RC_ASSERT(a.priority == b.priority);
    RC_ASSERT(a.requirement == b.requirement);
    RC_ASSERT(a.retries == b.retries);
    RC_ASSERT(a.retries_left == b.retries_left);
    RC_ASSERT(a.created == b.created);
    RC_ASSERT(a.deadline == b.deadline);
    RC_ASSERT(a.expires == b.expires);
    RC_ASSERT(a.routes == b.routes);
    RC_ASSERT(a.tags == b.tags);
    RC_ASSERT(a.name == b.name);
    RC_ASSERT(a.limits == b.limits);
    RC_ASSERT(a.held == b.held);
    RC_ASSERT(a.unsatisfied == b.unsatisfied);
    RC_ASSERT(a.ever_resolved == b.ever_resolved);
    same_runs(a.runs, b.runs);
    same_chains(a, b);
  });
}

// ---- Plays ----

const Names tasks{"A", "B", "C", "D", "E"};

std::string any_task() {
  return tasks[static_cast<std::size_t>(below(5))];
}

// The same again is likely within ten minutes.
NewTask any_new_task(Instant now) {
  NewTask task;
  task.created = now - Duration{now.ms % (10 * minute.count())};
  task.deadline = task.created + (below(3) == 0 ? hour : 20 * minute);
  task.queue = below(2) == 0 ? "local/default" : "local/other";
  task.group = below(4) == 0 ? "H" : "G";
  task.scheduler = below(8) == 0 ? "other" : "-";
  for (const auto& need : tasks) {
    if (below(4) == 0) task.needs.push_back(need);
  }
  task.requirement = any_enum<Requires>(2);
  task.priority = any_enum<Priority>(7);
  task.retries = below(3);
  task.hold = below(4) == 0;
  return task;
}

void ask_task(Cast& cast) {
  const std::string id = any_task();
  const ActorId to = task_id(id);
  // Nearly always the claim that is held.
  ClaimOf claim = cast.claim(id);
  if (below(8) == 0) claim.token += 1;
  claim.by_run = below(4) == 0;
  switch (below(12)) {
    case 0: cast.tell(to, schedule()); return;
    case 1: cast.tell(to, rerun(below(2) == 0 ? "" : std::to_string(below(3)))); return;
    case 2: cast.tell(to, cancel()); return;
    case 3: cast.tell(to, reclaim(claim)); return;
    case 4: cast.tell(to, put_artifact(claim, {.name = any_word()})); return;
    case 5: cast.tell(to, claim_by_name(claim.run, "g/w", 1)); return;
    case 6: cast.tell(to, resolve(claim, {Outcome::EXCEPTION, any_enum<Reason>(11)})); return;
    case 7: cast.tell(to, resolve(claim, {Outcome::FAILED})); return;
    case 8: cast.tell(to, change_priority(any_enum<Priority>(7))); return;
    case 9: cast.tell(to, expire_claim(claim)); return;
    default: cast.tell(to, resolve(claim, {Outcome::COMPLETED})); return;
  }
}

void ask_worker(Cast& cast) {
  const std::string queue = below(2) == 0 ? "local/default" : "local/other";
  const ActorId to = worker_id(queue + "/g/w");
  const auto session = static_cast<std::uint64_t>(1 + below(3));
  switch (below(6)) {
    case 0: cast.tell(to, disconnect(session)); return;
    case 1: cast.tell(to, farewell(session)); return;
    case 2: cast.tell(task_queue_id(queue), leave(session)); return;
    case 3: {
      Connection connection{.queue = queue, .session = session};
      connection.process = static_cast<std::uint64_t>(1 + below(2));
      const std::string id = any_task();
      connection.held.push_back({id, cast.claim(id).run, cast.claim(id).token});
      cast.tell(to, connect(connection));
      return;
    }
    default: cast.tell(task_queue_id(queue), await({.session = session, .count = below(4) - 1}));
  }
}

// Every server's start: the sessions are gone.
void restart(Cast& cast) {
  cast.restart();
  for (const char* queue : {"local/default", "local/other"}) {
    cast.tell(worker_id(std::string(queue) + "/g/w"), restarted());
  }
}

void ask_group(Cast& cast) {
  const ActorId to = task_group_id("G");
  switch (below(8)) {
    case 0: cast.tell(to, seal()); return;
    case 1: cast.tell(to, cancel_group()); return;
    case 2:
    case 3: cast.tell(to, change_group_priority(any_enum<Priority>(7))); return;
    default: cast.tell(to, release()); return;
  }
}

void act(Cast& cast, bool with_restarts) {
  switch (below(with_restarts ? 15 : 14)) {
    case 0:
    case 1:
    case 2: {
      const std::string id = any_task();
      cast.tell(task_id(id), create_task(id, any_new_task(cast.now)));
      return;
    }
    case 3: ask_group(cast); return;
    case 4: cast.advance(Duration{below(40) * 15'000}); return;
    case 5:
    case 6:
    case 7: ask_worker(cast); return;
    case 14: restart(cast); return;
    default: ask_task(cast); return;
  }
}

// A play of some length; after each act a few messages are delivered, in any order.
void play(Cast& cast, bool with_restarts) {
  for (int acts = 5 + below(60); acts > 0; --acts) {
    act(cast, with_restarts);
    for (int steps = below(12); steps > 0; --steps) cast.step(static_cast<std::size_t>(below(6)));
  }
  cast.run();
}

TEST_CASE("whatever is played, the invariants hold", "[laws]") {
  rc::prop("and every call is answered", [] {
    Cast cast;
    play(cast, false);
    RC_ASSERT(cast.faults == Names{});
    RC_ASSERT(cast.unanswered() == 0U);
  });
  rc::prop("and with restarts in between", [] {
    Cast cast;
    play(cast, true);
    RC_ASSERT(cast.faults == Names{});
  });
}

TEST_CASE("claims come out by priority, then by age", "[laws]") {
  rc::prop("of what is pending", [] {
    Cast cast;
    std::vector<std::pair<int, std::string>> expected;
    const int count = 1 + below(20);
    for (int i = 0; i < count; ++i) {
      const std::string id = "T" + std::to_string(100 + i);
      const auto priority = any_enum<Priority>(7);
      RC_ASSERT(cast.ask(task_id(id), create_task(id, {.priority = priority})).ok());
      expected.emplace_back(-static_cast<int>(priority), "task-running " + id + ".0");
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Names names;
    for (const auto& [rank, name] : expected) names.push_back(name);
    cast.take_events();
    const int at_once = 1 + below(4);
    for (std::size_t i = 0; i < names.size(); ++i) {
      RC_ASSERT(cast.ask(default_queue, await({.count = at_once})).ok());
    }
    RC_ASSERT(cast.take_events() == names);
    RC_ASSERT(cast.faults == Names{});
  });
}

}  // namespace
}  // namespace troupe::test
