// Why pending tasks, and queues of them, wait: limits, resources and their turn. Rows are made by
// hand, but those of the queue, which are its actor's.
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task/explain.h"
#include "actors/task/explain_queue.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/support/desk.h"
#include "tests/actors/support/snapshot.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

struct Told {
  std::string code;
  std::string message;
  Instant predicted_start;
  std::int64_t ahead = -1;
  std::int64_t looked_at = -1;
  Names members;         // `2 concurrency B`
  Names staff;           // `g/w cpu=2`
  std::size_t gets = 0;  // of rows, by their keys
};

// One queue, its workers and its tasks.
class Scene {
 public:
  Desk desk;
  Instant now = start + hour;

  void pend(const std::string& task, const NewEntry& entry) {
    tasks_[task] = {entry, {}, {}};
    desk.tell(task, put_entry(entry));
  }
  // The queue has handed it out.
  void run(const std::string& task, const std::string& worker, Instant started) {
    tasks_[task].worker = worker;
    tasks_[task].started = started;
    desk.answer(true);
  }
  void connect(const std::string& worker, const std::optional<Resources>& has = {}) {
    workers_[worker] = has;
  }

  Told explain(const std::string& subject) const {
    capnp::MallocMessageBuilder message;
    auto out = message.initRoot<schema::Explanation>();
    const MemorySnapshot all = snapshot();
    REQUIRE(task::explain(all, subject, now, out).ok());
    Told told = read(out.asReader());
    told.gets = all.gets();
    return told;
  }

  // Looks at no more than `most` with a limit, and as many of the others.
  Told explain_queue(std::size_t most) const {
    capnp::MallocMessageBuilder message;
    auto out = message.initRoot<schema::Explanation>();
    task::explain_queue(snapshot(), "local/default", now, out, most);
    return read(out.asReader());
  }

 private:
  static Told read(schema::Explanation::Reader said) {
    Told told{str(said.getCode()),
              str(said.getMessage()),
              Instant{said.getPredictedStart()},
              said.getAhead(),
              said.getLookedAt(),
              {},
              {}};
    for (const auto member : said.getMembers()) {
      told.members.push_back(std::to_string(member.getTasks()) + " " + str(member.getCode()) + " " +
                             str(member.getTaskId()));
    }
    for (const auto worker : said.getStaff()) {
      told.staff.push_back(str(worker.getWorkerGroup()) + "/" + str(worker.getWorkerId()) + " " +
                           str(worker.getResources()));
    }
    return told;
  }

  struct Task {
    NewEntry entry;
    std::string worker;
    Instant started;
  };

  static void name(MemorySnapshot& all, std::uint64_t number, const ActorId& id) {
    all.put(tables::names.id, name_key(id),
            build<schema::NameRow>([number](auto row) { row.setNumber(number); }));
  }

  MemorySnapshot snapshot() const {
    MemorySnapshot all;
    std::uint64_t number = 1;
    name(all, number, task_queue_id("local/default"));
    for (const auto& [place, value] : desk.rows.all()) {
      all.put(place.first, own_key(number, place.second), value);
    }
    for (const auto& [id, task] : tasks_) {
      name(all, ++number, task_id(id));
      all.put(tables::task_state.id, own_key(number, ""), task_row(id, task));
    }
    for (const auto& [id, has] : workers_) {
      name(all, ++number, worker_id("local/default/" + id));
      all.put(tables::worker_state.id, own_key(number, ""), worker_row(id, has));
      for (const auto& [task_id, task] : tasks_) {
        if (task.worker != id) continue;
        all.put(
            tables::worker_claims.id, own_key(number, KeyWriter().text(task_id).u64(0).prefix()),
            build<schema::WorkerClaimRow>([&task_id](auto row) { row.setTaskId(text(task_id)); }));
      }
    }
    return all;
  }

  static Bytes task_row(const std::string& id, const Task& task) {
    return build<schema::TaskRow>([&](schema::TaskRow::Builder row) {
      row.setTaskId(text(id));
      row.setTaskQueueId("local/default");
      row.setName(text("name of " + id));
      row.setPriority(task.entry.priority);
      row.setConcurrencyKey(text(task.entry.key));
      row.setDeadline((start + 5 * hour).ms);
      auto run = row.initRuns(1)[0];
      run.setState(task.worker.empty() ? State::PENDING : State::RUNNING);
      run.setEntry(task.entry.number);
      run.setStarted(task.started.ms);
    });
  }

  Bytes worker_row(const std::string& id, const std::optional<Resources>& has) const {
    return build<schema::WorkerRow>([&](schema::WorkerRow::Builder row) {
      row.setTaskQueueId("local/default");
      row.setWorkerGroup("g");
      row.setWorkerId(text(id.substr(2)));
      row.setSession(1);
      row.setCapacity(4);
      Names recent;
      for (const auto& [task_id, task] : tasks_) {
        if (task.worker == id) recent.push_back(task_id);
      }
      auto list = row.initRecentTasks(static_cast<unsigned>(recent.size()));
      for (unsigned i = 0; i < list.size(); ++i) list[i].setTaskId(text(recent[i]));
      if (!has) return;
      auto resources = row.initResources(static_cast<unsigned>(has->size()));
      unsigned i = 0;
      for (const auto& [name, amount] : *has) {
        resources[i].setName(text(name));
        resources[i++].setAmount(amount);
      }
    });
  }

  std::map<std::string, Task> tasks_;
  std::map<std::string, std::optional<Resources>> workers_;
};

NewEntry limited(std::uint64_t number) {
  NewEntry entry;
  entry.number = number;
  entry.key = "deploy";
  entry.limit = 1;
  return entry;
}

NewEntry needing(std::uint64_t number, Resources demands) {
  NewEntry entry;
  entry.number = number;
  entry.demands = std::move(demands);
  return entry;
}

TEST_CASE("a task that its limit holds back names the limit and who holds it", "[explain]") {
  Scene scene;
  scene.connect("g/w");
  scene.pend("A", limited(1));
  scene.pend("B", limited(2));
  CHECK(scene.explain("B").code != "concurrency");  // it only waits for its turn
  scene.desk.ask(await({.count = 2}));
  CHECK(scene.explain("B").code == "concurrency");
  CHECK(scene.explain("B").message ==
        "tasks with the concurrency key \"deploy\" run 1 at once; claimed so far: 1");
  scene.run("A", "g/w", start);
  const Told told = scene.explain("B");
  CHECK(told.code == "concurrency");
  CHECK(told.message ==
        "tasks with the concurrency key \"deploy\" run 1 at once; running: name of A (A)");
}

TEST_CASE("a task that asks for more than there is says what there is", "[explain]") {
  Scene scene;
  scene.pend("A", needing(1, {{"cpu", 8'000}, {"memory", 1ULL << 30}}));
  CHECK(scene.explain("A").code == "no-worker");
  scene.connect("g/w", Resources{{"cpu", 1'500}, {"memory", 2ULL << 30}});
  scene.connect("g/v", Resources{{"cpu", 4'000}});
  const Told told = scene.explain("A");
  CHECK(told.code == "resources");
  CHECK(told.message ==
        "asks for cpu 8, memory 1.0 GiB; the most that one connected worker has: cpu 4, memory "
        "2.0 GiB");
  scene.connect("g/any");
  CHECK(scene.explain("A").code.empty());
}

TEST_CASE("a task that waits for what others use says so", "[explain]") {
  Scene scene;
  const Resources has{{"gpu", 1}};
  scene.connect("g/w", has);
  scene.pend("A", needing(1, {{"gpu", 1}}));
  CHECK(scene.explain("A").code.empty());
  scene.pend("B", needing(2, {{"gpu", 1}}));
  scene.desk.ask(await_within({.count = 2}, has));
  scene.run("A", "g/w", start);
  CHECK(scene.explain("B").code == "resources");
  CHECK(scene.explain("B").message == "asks for gpu 1: 1 worker has as much, and it is in use");
}

TEST_CASE("a task's start is foretold by how its queue goes on", "[explain]") {
  Scene scene;
  scene.connect("g/w");
  for (std::uint64_t i = 1; i <= 4; ++i) scene.pend("T" + std::to_string(i), {i});
  scene.pend("next", {10});
  scene.pend("later", {11});
  scene.pend("held", limited(12));
  CHECK_FALSE(scene.explain("next").predicted_start);
  scene.desk.ask(await({.count = 4}));
  for (int i = 1; i <= 4; ++i) scene.run("T" + std::to_string(i), "g/w", start + i * minute);
  scene.now = start + 9 * minute;  // four in eight minutes
  CHECK(scene.explain("next").ahead == 0);
  CHECK(scene.explain("next").predicted_start == start + 11 * minute);
  CHECK(scene.explain("later").ahead == 1);
  CHECK(scene.explain("later").predicted_start == start + 13 * minute);
}

TEST_CASE("each of very many workers is looked at", "[explain]") {
  constexpr int count = 1'200;
  Scene scene;
  for (int i = 1; i < count; ++i) {
    scene.connect("g/w" + std::to_string(i), Resources{{"cpu", 1'000}});
  }
  scene.connect("g/z", Resources{{"cpu", 4'000}});
  CHECK(scene.explain("local/default/g/z").message == "connected, runs 0 of 4");
  scene.pend("A", needing(1, {{"cpu", 8'000}}));
  CHECK(scene.explain("A").message ==
        "asks for cpu 8; the most that one connected worker has: cpu 4");
}

TEST_CASE("the workers of a queue are looked at once for all that waits in it", "[explain]") {
  constexpr std::size_t workers = 300;
  Scene scene;
  for (std::size_t i = 0; i < workers; ++i) {
    scene.connect("g/w" + std::to_string(i), Resources{{"cpu", 1'000}});
  }
  scene.pend("A", needing(1, {{"cpu", 2'000}}));
  const std::size_t one = scene.explain("local/default").gets;
  for (std::uint64_t i = 2; i <= 20; ++i) {
    scene.pend("T" + std::to_string(i), needing(i, {{"cpu", i * 2'000}}));
  }
  const Told told = scene.explain("local/default");
  CHECK(told.members.size() == 20);
  CHECK(told.gets < one + 2 * workers);
}

TEST_CASE("a queue says why what waits in it waits, and who could take it", "[explain]") {
  Scene scene;
  scene.pend("A", limited(1));
  scene.pend("B", limited(2));
  scene.pend("C", limited(3));
  scene.pend("big", needing(4, {{"cpu", 64'000}}));
  scene.pend("D", {5});
  scene.pend("E", {6});
  scene.desk.ask(await({}));
  scene.run("A", "g/w", start);
  CHECK(scene.explain("local/default").members ==
        Names{"2 no-worker D", "1 no-worker big", "2 concurrency B"});

  scene.connect("g/w", Resources{{"cpu", 1'500}, {"memory", 2ULL << 30}});
  const Told told = scene.explain("local/default");
  CHECK(told.code == "resources");
  CHECK(told.looked_at == 5);
  CHECK(told.members == Names{"1 resources big", "2 concurrency B", "2 workers-busy D"});
  CHECK(told.staff == Names{"g/w cpu=1.5,memory=2GiB"});
  CHECK(told.message ==
        "5 pending, 1 running, 1 worker: 1 resources, 2 concurrency, 2 workers-busy; name of "
        "big: asks for cpu 64; the most that one connected worker has: cpu 1.5");
}

TEST_CASE("of the example of those that wait the most urgent is taken", "[explain]") {
  Scene scene;
  scene.pend("A", {1});
  NewEntry urgent{2};
  urgent.priority = schema::Priority::HIGH;
  scene.pend("B", urgent);
  CHECK(scene.explain("local/default").members == Names{"2 no-worker B"});
}

TEST_CASE("a queue in which very many wait is not looked at whole, and says so", "[explain]") {
  constexpr std::uint64_t each = 4;
  Scene scene;
  scene.connect("g/w");
  for (std::uint64_t i = 1; i <= each; ++i) scene.pend("P" + std::to_string(i), {i});
  CHECK(scene.explain_queue(each - 1).looked_at == each);  // nobody is held back: all are alike
  for (std::uint64_t i = 1; i <= each; ++i) scene.pend("L" + std::to_string(i), limited(each + i));
  CHECK(scene.explain_queue(each).looked_at == 2 * each);
  const Told told = scene.explain_queue(each - 1);
  CHECK(told.looked_at == 2 * (each - 1));
  CHECK(told.message.starts_with("8 pending, 0 running, 1 worker; of 6 of those pending: "));
}

}  // namespace
}  // namespace troupe::test
