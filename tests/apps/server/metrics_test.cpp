// What /metrics says, against what docs/operations.md says of it.
#include "actors/auth/client_actor.h"
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/worker_actor.h"
#include "apps/troupe/server/server_metrics.h"
#include "runtime/actor/dead_letters.h"
#include "runtime/actor/envelope.h"
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
    options.kinds = {task::kind({}), task_group::kind(), task_queue::kind(),
                     worker::kind({Duration{15'000}}), auth::kind()};
    HostHooks hooks;
    hooks.fatal = [](const std::string&) { std::abort(); };
    hooks.report = [](const auto&, const auto&, const auto&, const auto&) {};
    auto started = Host::start(clock, std::move(options), std::move(hooks));
    REQUIRE(started.ok());
    host = std::move(started).value();
    collector_ = add_host_metrics(registry_, *host);
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
  const Platform platform;
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
                  dead_letter(14, {KindId{99}, "d"}, "its rows do not decode")});
  const auto text = platform.scrape();
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"crashes\",kind=\"task\"} 1"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"task\"} 2"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"(other)\"} 1"));
  CHECK_THAT(text, Catch::Contains("troupe_dead_letters{cause=\"handler\",kind=\"worker\"} 0"));
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

TEST_CASE("the oldest snapshot is measured", "[metrics]") {
  Platform platform;
  const auto held = platform.host->snapshot();
  platform.clock.advance(Duration{2'500});
  CHECK_THAT(platform.scrape(), Catch::Contains("troupe_store_oldest_reader_seconds 2.5"));
}
