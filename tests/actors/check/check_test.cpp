// A store that nothing is wrong with is clean; damage of each kind is found, and named.
#include "actors/check.h"

#include "actors/lookup.h"
#include "actors/task/codec.h"
#include "actors/task_queue/codec.h"
#include "schema/store/envelope.capnp.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/check/stored_stage.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace troupe;
using namespace troupe::test;

namespace {

const std::string done = "A-done---------------A";
const std::string running = "A-running------------A";
const std::string waiting = "A-waiting------------A";
const std::string blocked = "A-blocked------------A";
const std::string leased = "A-leased-------------A";
const ActorId group = task_group_id("A-group--------------A");
const ActorId busy_queue = task_queue_id("local/default");
const ActorId idle_queue = task_queue_id("local/idle");
const ActorId worker = worker_id("local/default/g/w");

NewTask in_group(std::string queue, std::vector<std::string> needs = {}) {
  NewTask task;
  task.group = group.key;
  task.queue = std::move(queue);
  task.needs = std::move(needs);
  return task;
}

// One task of each state, two workers, one of them away, and a token.
void play(StoredStage& stage) {
  REQUIRE(stage.ask(task_id(done), create_task(done, in_group("local/default"))).ok());
  stage.tell(worker, connect({}));
  REQUIRE(stage.ask(busy_queue, await({})).ok());
  stage.wait_for(done, State::RUNNING);
  const auto report = resolve(stage.claim(done), {Outcome::COMPLETED, Reason::NONE}, {Artifact{}});
  REQUIRE(stage.ask(task_id(done), report).ok());
  const auto next = in_group("local/default", {done});
  REQUIRE(stage.ask(task_id(running), create_task(running, next)).ok());
  REQUIRE(stage.ask(busy_queue, await({})).ok());
  stage.wait_for(running, State::RUNNING);
  REQUIRE(stage.ask(task_id(waiting), create_task(waiting, in_group("local/idle"))).ok());
  const auto last = in_group("local/idle", {waiting});
  REQUIRE(stage.ask(task_id(blocked), create_task(blocked, last)).ok());
  stage.tell(worker_id("local/away/g/away"),
             connect({.worker = "g/away", .queue = "local/away", .session = 2}));
  REQUIRE(stage.ask(task_id(leased), create_task(leased, in_group("local/away"))).ok());
  const Slots slots{.worker = "g/away", .session = 2};
  REQUIRE(stage.ask(task_queue_id("local/away"), await(slots)).ok());
  stage.wait_for(leased, State::RUNNING);
  REQUIRE(stage.ask(worker_id("local/away/g/away"), disconnect(2)).ok());
  const ActorId client{kinds::client, "troupe/worker/local/default/x"};
  REQUIRE(stage.ask(client, create_token("local/default", "secret", start + hour)).ok());
  stage.wait_until([](const Snapshot& snapshot) {
    return snapshot.count(tables::inbox.id) == 0 && snapshot.count(tables::worker_claims.id) == 2;
  });
  stage.wait_for(done, State::COMPLETED);
}

bool finds(const std::vector<std::string>& lines, const std::string& what) {
  return std::ranges::any_of(
      lines, [&what](const auto& line) { return line.find(what) != std::string::npos; });
}

/// Rows as they are, to damage them.
class Image {
 public:
  explicit Image(Store& store) : snapshot_(store.snapshot()) {}

  std::uint64_t number(const ActorId& id) const { return find_actor_number(*snapshot_, id); }
  std::string own(const ActorId& id, const std::string& key = {}) const {
    return own_key(number(id), key);
  }
  /// The first row of the actor in a table: key and value.
  RowOp first(const TableSpec& table, const ActorId& id) const {
    RowOp found{table.id, {}, std::nullopt};
    scan_own(*snapshot_, table, number(id), "", "", [&](std::string_view key, WordSpan value) {
      found.key = own(id, std::string(key));
      found.value = Bytes(value);
      return false;
    });
    REQUIRE_FALSE(found.key.empty());
    return found;
  }
  RowOp without(const TableSpec& table, const ActorId& id) const {
    RowOp row = first(table, id);
    row.value.reset();
    return row;
  }
  /// Both rows of a timer.
  std::vector<RowOp> without_timer(const ActorId& id, const std::string& name) const {
    std::vector<RowOp> rows;
    rows.push_back({tables::timers_of.id, own(id, KeyWriter().text(name).prefix()), std::nullopt});
    rows.push_back(timer(id, name));
    return rows;
  }
  RowOp timer(const ActorId& id, const std::string& name) const {
    RowOp found{tables::timers.id, {}, std::nullopt};
    snapshot_->scan(tables::timers.id, "", [&](std::string_view key, WordSpan) {
      KeyReader reader(key);
      reader.u64();
      if (reader.u64() == number(id) && reader.text() == name) found.key = std::string(key);
      return found.key.empty();
    });
    REQUIRE_FALSE(found.key.empty());
    return found;
  }
  StoreState state() const { return snapshot_->state(); }

 private:
  std::unique_ptr<Snapshot> snapshot_;
};

Bytes flipped(const Bytes& bytes, std::size_t word) {
  std::vector<std::uint64_t> words(bytes.words().begin(), bytes.words().end());
  words.at(word) ^= 0x40000000;
  return Bytes(std::move(words));
}

using Damage = std::function<std::vector<RowOp>(const Image&)>;

struct Case {
  const char* finding;
  Damage damage;
};

RowOp event_row(std::uint64_t number) {
  return {tables::events.id, KeyWriter().u64(number).key(), std::nullopt};
}

std::vector<Case> deleted_rows() {
  return {
      {"has a row and no name",
       [](const Image&) -> std::vector<RowOp> {
         return {{tables::names.id, name_key(task_id(waiting)), std::nullopt}};
       }},
      {"has a name and no row",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::task_state, task_id(waiting))};
       }},
      {"there is no actor of its number",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::task_state, task_id(waiting))};
       }},
      {"has no definition",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::task_definition, task_id(done))};
       }},
      {"is missing in timers_of",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without_timer(task_id(waiting), "deadline")[0]};
       }},
      {": is missing in timers",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.timer(task_id(waiting), "deadline")};
       }},
      {"T5: no deadline timer",
       [](const Image& i) { return i.without_timer(task_id(blocked), "deadline"); }},
      {"runs without a claim timer",
       [](const Image& i) { return i.without_timer(task_id(running), "claim"); }},
      {"W1: claims without connection or lease",
       [](const Image& i) { return i.without_timer(worker_id("local/away/g/away"), "lease"); }},
      {"waits, and its queue has no entry",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::queue_entries, idle_queue)};
       }},
      {"Q2: pending is not the number of entries",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::queue_entries, idle_queue)};
       }},
      {"runs on a worker that has no claim with its token",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::worker_claims, worker)};
       }},
      {"that task has no edge to it",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::task_edges, task_id(waiting))};
       }},
      {"that task does not need it",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::task_needs, task_id(blocked))};
       }},
      {"needs are miscounted",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::task_needs, task_id(blocked))};
       }},
      {"its group does not have it as a member",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::group_members, group)};
       }},
      {"members are miscounted",
       [](const Image& i) -> std::vector<RowOp> {
         return {i.without(tables::group_members, group)};
       }},
      {"a gap", [](const Image&) -> std::vector<RowOp> { return {event_row(3)}; }},
      {"is not the newest that was numbered",
       [](const Image& i) -> std::vector<RowOp> { return {event_row(i.state().last_event)}; }},
  };
}

std::vector<Case> other_damage() {
  return {
      {"does not decode",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::task_state, task_id(done));
         row.value = flipped(*row.value, 0);  // the number of words
         return {row};
       }},
      {"does not decode",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::task_definition, task_id(done));
         row.value = flipped(*row.value, row.value->words()[0] >> 32 > 2 ? 1 : 0);
         return {row};
       }},
      {"no pending run of the task belongs to it",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::queue_entries, idle_queue);
         row.key = i.own(idle_queue, KeyWriter().u8(6).u64(1).prefix());
         return {row};
       }},
      {"no running run of the task has its token",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::worker_claims, worker);
         row.value = build<schema::WorkerClaimRow>([](schema::WorkerClaimRow::Builder claim) {
           claim.setTaskId(running);
           claim.setToken(4711);
         });
         return {row};
       }},
      {"its number belongs to another actor",
       [](const Image& i) -> std::vector<RowOp> {
         return {{tables::names.id, name_key(task_id("A-twin---------------A")),
                  build<schema::NameRow>([&](schema::NameRow::Builder row) {
                    row.setNumber(i.number(task_id(done)));
                  })}};
       }},
      {"timers and timers_of disagree",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::timers_of, task_id(blocked));
         row.value = build<schema::TimerOfRow>([](schema::TimerOfRow::Builder t) { t.setDue(5); });
         return {row};
       }},
      {"they disagree on whether it is satisfied",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::task_edges, task_id(done));
         row.value = build<schema::EdgeRow>([](schema::EdgeRow::Builder) {});
         return {row};
       }},
      {"is of a run that is not there",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::task_artifacts, task_id(done));
         row.key = i.own(task_id(done), task::artifact_key(7, "public/log.txt"));
         return {row};
       }},
      {"is to an actor of no known kind",
       [](const Image&) -> std::vector<RowOp> {
         return {{tables::inbox.id, KeyWriter().u64(9).key(),
                  encode_envelope(task_id(done), {KindId{77}, "x"}, 0, schedule())}};
       }},
      {"its key is malformed",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::timers_of, task_id(blocked));
         row.key = std::string(16, 'x');
         return {row};
       }},
  };
}

// Rows of limits, without or against what they are for.
std::vector<Case> queue_damage() {
  return {
      {"it is in a range that is not for what it asks",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::queue_entries, idle_queue);
         const std::string key(row.key.substr(8, 9));
         row.table = tables::queue_lanes.id;
         row.key = i.own(idle_queue, task_queue::lane_prefix("cpu=1000") + key);
         return {row};
       }},
      {"it is not found by its number",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::queue_entries, idle_queue);
         auto entry = task_queue::decode_entry(row.key.substr(8), row.value->words());
         entry.concurrency_key = "K";
         row.value = task_queue::encode_entry(entry);
         return {row};
       }},
      {"a number of no entry",
       [](const Image& i) -> std::vector<RowOp> {
         return {{tables::queue_admitted.id, i.own(idle_queue, task_queue::waiting_key(4711)),
                  task_queue::encode_waiting({})}};
       }},
      {"Q4: claimed is not the number of claims",
       [](const Image& i) -> std::vector<RowOp> {
         return {{tables::queue_concurrency.id,
                  i.own(idle_queue, task_queue::concurrency_row_key("K")),
                  task_queue::encode_concurrency({1, 1, 0})}};
       }},
      {"Q4: waiting is not the number of entries",
       [](const Image& i) -> std::vector<RowOp> {
         return {{tables::queue_concurrency.id,
                  i.own(idle_queue, task_queue::concurrency_row_key("K")),
                  task_queue::encode_concurrency({1, 0, 1})}};
       }},
      {"Q4: held back though the limit is not reached",
       [](const Image& i) -> std::vector<RowOp> {
         RowOp row = i.first(tables::queue_entries, idle_queue);
         auto entry = task_queue::decode_entry(row.key.substr(8), row.value->words());
         entry.concurrency_key = "K";
         const std::string key(row.key.substr(8, 9));
         return {
             {tables::queue_held.id, i.own(idle_queue, task_queue::held_prefix("K", {}) + key),
              task_queue::encode_entry(entry)},
             {tables::queue_admitted.id,
              i.own(idle_queue, task_queue::waiting_key(entry.key.number)),
              task_queue::encode_waiting(entry)},
             {tables::queue_concurrency.id, i.own(idle_queue, task_queue::concurrency_row_key("K")),
              task_queue::encode_concurrency({2, 0, 1})}};
       }},
      {"its worker does not know of it",
       [](const Image& i) -> std::vector<RowOp> {
         return {{tables::queue_quarantines.id,
                  i.own(idle_queue, task_queue::quarantine_key("g/w")),
                  build<schema::QuarantineRow>([](auto row) { row.setUntil(5); })}};
       }},
  };
}

std::vector<Case> all_cases() {
  auto cases = deleted_rows();
  for (auto& one : other_damage()) cases.push_back(std::move(one));
  for (auto& one : queue_damage()) cases.push_back(std::move(one));
  return cases;
}

}  // namespace

TEST_CASE("damage of every kind is found, and what is whole is clean", "[check]") {
  StoredStage stage;
  play(stage);
  std::map<std::string, std::uint64_t> counts;
  CHECK(stage.check(&counts) == std::vector<std::string>{});
  CHECK(counts["task actors"] == 5);
  CHECK(counts["worker_claims"] == 2);
  CHECK(counts["queue_entries"] == 1);
  CHECK(counts["group_members"] == 5);
  CHECK(counts["task_artifacts"] == 1);

  for (const auto& one : all_cases()) {
    INFO(one.finding);
    const auto image = std::make_unique<Image>(stage.store());
    const auto damage = one.damage(*image);
    std::vector<RowOp> repair;
    for (const auto& row : damage) {
      const auto was = stage.store().snapshot()->get(row.table, row.key);
      repair.push_back({row.table, row.key, was ? std::optional(Bytes(*was)) : std::nullopt});
    }
    stage.damage(damage);
    const auto found = stage.check();
    CHECK(finds(found, one.finding));
    stage.damage(repair);
    CHECK(stage.check() == std::vector<std::string>{});
  }
}

TEST_CASE("numbers in use that were never reserved are found", "[check]") {
  StoredStage stage;
  play(stage);
  StoreState state = Image(stage.store()).state();
  state.numbers_reserved = 1;
  stage.force_state = &state;
  stage.damage({});
  CHECK(finds(stage.check(), "its number was never reserved"));
}

TEST_CASE("what a random play leaves is clean, wherever it is cut", "[check]") {
  const auto seed = GENERATE(range(1U, 9U));
  INFO(seed);
  std::mt19937 random(seed);
  StoredStage stage;
  const auto pick = [&random](unsigned below) { return static_cast<unsigned>(random() % below); };
  const auto id = [](unsigned i) { return "B-random-----------" + std::to_string(100 + i); };
  for (unsigned worker_number = 0; worker_number < 3; ++worker_number) {
    const std::string name = "g/w" + std::to_string(worker_number);
    const std::uint64_t session = worker_number + 1;
    stage.tell(worker_id("local/default/" + name), connect({.worker = name, .session = session}));
    stage.tell(busy_queue, await({.worker = name, .session = session, .count = 5}));
  }
  for (unsigned i = 0; i < 300; ++i) {
    const unsigned task = pick(60);
    NewTask fresh = in_group(pick(3) == 0 ? "local/idle" : "local/default");
    fresh.priority = static_cast<Priority>(pick(7));
    if (task > 0 && pick(2) == 0) fresh.needs.push_back(id(pick(task)));
    const ActorId to = task_id(id(task));
    switch (pick(6)) {
      case 0: stage.tell(to, cancel()); break;
      case 1: stage.tell(to, rerun()); break;
      case 2: {
        const std::uint64_t session = 1 + pick(3);
        const std::string key = "local/default/g/w" + std::to_string(session - 1);
        stage.tell(worker_id(key), pick(2) == 0 ? disconnect(session) : farewell(session));
        break;
      }
      default: stage.tell(to, create_task(id(task), fresh)); break;
    }
    if (pick(40) == 0) (void)stage.ask(to, schedule());
  }
  std::map<std::string, std::uint64_t> counts;
  CHECK(stage.check(&counts) == std::vector<std::string>{});
  CHECK(counts["task actors"] > 10);
  CHECK(counts["timers"] > 10);
}
