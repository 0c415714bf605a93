// What /metrics says, against what docs/operations.md says of it.
#include "actors/auth/client_actor.h"
#include "actors/blobs/collector.h"
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/worker_actor.h"
#include "apps/troupe/server/queue_monitor.h"
#include "apps/troupe/server/server_metrics.h"
#include "runtime/actor/dead_letters.h"
#include "runtime/actor/envelope.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <future>
#include <regex>
#include <set>

using namespace troupe;
using namespace troupe::server;

namespace {

using Names = std::set<std::string>;

// The names in the first cells of the table of metrics.
Names documented() {
  std::ifstream file(TROUPE_SOURCE_ROOT "/docs/operations.md");
  REQUIRE(file.good());
  const std::regex name("`((?:troupe|queue)_[a-z_]+)`");
  Names names;
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with("| `troupe_") && !line.starts_with("| `queue_")) continue;
    const std::string cell = line.substr(0, line.find('|', 1));
    for (std::sregex_iterator it(cell.begin(), cell.end(), name), end; it != end; ++it) {
      names.insert((*it)[1]);
    }
  }
  return names;
}

Names served(const std::string& text) {
  const std::regex type("# TYPE ([a-z_]+) ");
  Names names;
  for (std::sregex_iterator it(text.begin(), text.end(), type), end; it != end; ++it) {
    names.insert((*it)[1]);
  }
  return names;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// The platform's host, without its edges.
class Platform {
 public:
  Platform() {
    HostOptions options;
    options.store.directory = folder_ / "store";
    options.store.sync = false;
    options.store.reserve_bytes = 0;
    options.kinds = {task::kind({}),       task_group::kind({}),
                     task_queue::kind({}), worker::kind({Duration{15'000}}),
                     auth::client_kind(),  blobs::kind({})};
    HostHooks hooks;
    hooks.fatal = [](const std::string&) { std::abort(); };
    hooks.report = [](const auto&, const auto&, const auto&, const auto&) {};
    auto started = Host::start(clock, std::move(options), std::move(hooks));
    REQUIRE(started.ok());
    host = std::move(started).value();
    collector_ = add_host_metrics(registry_, *host, clock);
  }

  /// An entry of the event log, to the monitor of the queue.
  void publish(const std::string& name, const std::string& words, const std::string& payload) {
    const Bytes row = build<schema::EventRow>([&](schema::EventRow::Builder event) {
      event.setExchange(text("exchange/taskcluster-queue/v1/" + name));
      event.setRoutingKey(text("primary." + words));
      event.setPayload(text(payload));
    });
    monitor_.see(Stored<schema::EventRow>(row).get());
  }
  /// A run of a task of the queue has ended.
  void publish_end(const std::string& name, const std::string& queue, const std::string& reason) {
    publish(name, "A.1.g.w.local." + queue + ".-.A._",
            R"({"runId": 1, "status": {"runs": [{}, {"reasonResolved": ")" + reason + R"("}]}})");
  }

  std::string scrape() const { return registry_.render(); }

  /// Writes rows as an actor or the runtime would, and waits until they are on disk.
  void write(std::vector<RowOp> rows) {
    host->commit_rows(std::move(rows));
    // There is no such letter, which is said behind what was queued before.
    std::promise<void> landed;
    host->discard_dead_letter(1, [&landed](const Status&) { landed.set_value(); });
    landed.get_future().wait();
  }

  ManualClock clock;
  std::unique_ptr<Host> host;

 private:
  const test::TempDir folder_;
  metrics::Registry registry_;
  const HostHistograms histograms_{registry_};
  std::unique_ptr<metrics::CollectorRegistration> collector_;
  QueueMonitor monitor_{registry_};
};

void add_queue(std::vector<RowOp>& rows, std::uint64_t number, std::uint64_t pending) {
  task_queue::QueueState state;
  state.task_queue_id = fmt::format("local/queue-{:03}", number);
  state.pending = pending;
  capnp::MallocMessageBuilder name;
  name.initRoot<schema::NameRow>().setNumber(number);
  rows.push_back({tables::names.id, name_key(task_queue_id(state.task_queue_id)), to_bytes(name)});
  rows.push_back({tables::queue_state.id, own_key(number, ""), task_queue::encode_row(state)});
}

// A worker of `local/queue-001` whose record is there.
void add_worker(std::vector<RowOp>& rows, std::uint64_t number, Instant expires, Instant shut) {
  const std::string id = std::to_string(number);
  capnp::MallocMessageBuilder name, row;
  name.initRoot<schema::NameRow>().setNumber(number);
  auto worker = row.initRoot<schema::WorkerRow>();
  worker.setTaskQueueId("local/queue-001");
  worker.setWorkerGroup("g");
  worker.setWorkerId(id);
  worker.setExpires(expires.ms);
  worker.setQuarantineUntil(shut.ms);
  rows.push_back(
      {tables::names.id, name_key(worker_id("local/queue-001/g/" + id)), to_bytes(name)});
  rows.push_back({tables::worker_state.id, own_key(number, ""), to_bytes(row)});
}

RowOp dead_letter(std::uint64_t number, ActorId to, const std::string& error) {
  Delivery delivery;
  delivery.to = std::move(to);
  delivery.number = number;
  delivery.message.source = Message::Source::actor;
  return {tables::dead_letters.id, KeyWriter().u64(number).key(),
          encode_dead_letter(delivery, error, Instant{1})};
}

}  // namespace

TEST_CASE("each documented metric is served, and each served one is documented", "[metrics]") {
  Platform platform;
  // What is counted when it happens is not there before.
  for (const char* end : {"task-completed", "task-failed", "task-exception"}) {
    platform.publish_end(end, "q", "canceled");
  }
  const Names names = documented();
  CHECK(names.size() > 20);
  CHECK(served(platform.scrape()) == names);
}

TEST_CASE("dead letters are told by kind and cause", "[metrics]") {
  Platform platform;
  CHECK_THAT(platform.scrape(),
             Catch::Contains("troupe_dead_letters{cause=\"crashes\",kind=\"task\"} 0"));
  platform.write({dead_letter(11, task_id("a"), std::string(error_of_crashes)),
                  dead_letter(12, task_id("b"), "told to throw"),
                  dead_letter(13, task_id("c"), "told to throw"),
                  dead_letter(14, {KindId{99}, "d"}, "its rows do not decode"),
                  dead_letter(15, {kinds::object, "e"}, "told to throw")});
  const auto text = platform.scrape();
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"crashes\",kind=\"task\"} 1"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"task\"} 2"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"(other)\"} 1"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"worker\"} 0"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"object\"} 1"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"blobs\"} 0"));
}

TEST_CASE("workers are counted while their records last", "[metrics]") {
  Platform platform;
  const Instant now = platform.clock.wall_now();
  const Instant later = now + Duration{60'000};
  std::vector<RowOp> rows;
  add_queue(rows, 1, 0);
  add_worker(rows, 10, later, {});
  add_worker(rows, 11, later, later);
  add_worker(rows, 12, later, now);  // its quarantine is over
  add_worker(rows, 13, now, {});     // its record, too
  platform.write(std::move(rows));
  const auto text = platform.scrape();
  const std::string labels = "{provisionerId=\"local\",workerType=\"queue-001\"} ";
  CHECK_THAT(text, Catch::Contains("queue_workers_total" + labels + "3"));
  CHECK_THAT(text, Catch::Contains("queue_quarantined_workers" + labels + "1"));
  CHECK_THAT(text, Catch::Contains("queue_idle_workers" + labels + "2"));
  CHECK_THAT(text, Catch::Contains("queue_running_workers" + labels + "0"));
  const std::string rest = "{provisionerId=\"(other)\",workerType=\"(other)\"} ";
  CHECK_THAT(text, Catch::Contains("queue_workers_total" + rest + "0"));
}

TEST_CASE("the longest queues have labels, the others are added up", "[metrics]") {
  Platform platform;
  std::vector<RowOp> rows;
  const std::uint64_t queues = queues_labelled_max + 20;
  for (std::uint64_t i = 1; i <= queues; ++i) add_queue(rows, i, i);
  platform.write(std::move(rows));
  const auto text = platform.scrape();
  // 1 to 20 pending: the shortest.
  CHECK(count(text, "\nqueue_pending_tasks{") == queues_labelled_max + 1);
  const std::string pending = "queue_pending_tasks{provisionerId=";
  CHECK_THAT(text, Catch::Contains(pending + "\"(other)\",workerType=\"(other)\"} 210"));
  CHECK_THAT(text, Catch::Contains(pending + "\"local\",workerType=\"queue-021\"} 21"));
  CHECK_THAT(text, Catch::Contains(pending + "\"local\",workerType=\"queue-120\"} 120"));
  CHECK_THAT(text, !Catch::Contains("queue-020"));
}

TEST_CASE("ends of tasks are counted by queue and reason", "[metrics]") {
  Platform platform;
  platform.publish_end("task-completed", "q", "completed");
  platform.publish_end("task-completed", "q", "completed");
  platform.publish_end("task-failed", "q", "failed");
  platform.publish_end("task-exception", "q", "claim-expired");
  platform.publish_end("task-exception", "other", "canceled");
  platform.publish("task-pending", "A.1._._.local.q.-.A._", "{}");
  platform.publish("task-group-resolved", "A.-._", "{}");
  const auto text = platform.scrape();
  const std::string labels = R"(provisionerId="local",)";
  CHECK_THAT(text, Catch::Contains("queue_completed_tasks{" + labels + R"(workerType="q"} 2)"));
  CHECK_THAT(text, Catch::Contains("queue_failed_tasks{" + labels +
                                   R"(reasonResolved="failed",workerType="q"} 1)"));
  CHECK_THAT(text, Catch::Contains("queue_exception_tasks{" + labels +
                                   R"(reasonResolved="claim-expired",workerType="q"} 1)"));
  CHECK_THAT(text, Catch::Contains("queue_exception_tasks{" + labels +
                                   R"(reasonResolved="canceled",workerType="other"} 1)"));
}

TEST_CASE("counters have few queues of their own", "[metrics]") {
  Platform platform;
  const std::size_t queues = queues_labelled_max + 20;
  for (std::size_t i = 0; i < queues; ++i) {
    platform.publish_end("task-completed", "q" + std::to_string(i), "completed");
  }
  const auto text = platform.scrape();
  CHECK(count(text, "\nqueue_completed_tasks{") == queues_labelled_max + 1);
  const std::string rest = R"x(provisionerId="(other)",workerType="(other)")x";
  CHECK_THAT(text, Catch::Contains("queue_completed_tasks{" + rest + "} 20"));
}

TEST_CASE("a message that is not as it should be is counted all the same", "[metrics]") {
  Platform platform;
  for (const char* payload : {"", "[]", "{}", R"({"runId": 7, "status": {"runs": []}})",
                              R"({"status": 5})", R"({"status": {"runs": [5]}})"}) {
    platform.publish("task-exception", "A.0", payload);
  }
  CHECK_THAT(platform.scrape(), Catch::Contains("queue_exception_tasks"));
}

TEST_CASE("the oldest snapshot is measured", "[metrics]") {
  Platform platform;
  const auto held = platform.host->snapshot();
  platform.clock.advance(Duration{2'500});
  CHECK_THAT(platform.scrape(), Catch::Contains("troupe_store_oldest_reader_seconds 2.5"));
}
