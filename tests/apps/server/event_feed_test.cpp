// The feed of the event log: what is near the end comes from memory, the rest from disk, and both
// say the same; who has fallen behind, or holds another log's position, is told where it begins.
#include "apps/troupe/server/event_feed.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
#include "tests/apps/server/loaded_host.h"

using namespace troupe;
using namespace troupe::server;

namespace {

constexpr const char* log_name = "0123456789ab";

std::vector<std::string> said(const EventPage& page) {
  std::vector<std::string> out;
  for (const auto& entry : page.events) {
    Stored<schema::EventRow> row(entry.row);
    out.push_back(str(row.get().getRoutingKey()) + " " + write_position(log_name, entry.position));
  }
  return out;
}

// Of a queue without workers: all that they cause is there when they are.
void create_some(LoadedHost& host, int from, int to) {
  for (int i = from; i < to; ++i) {
    const std::string id = "D-task---------" + std::to_string(1'000'000 + i);
    test::NewTask task;
    task.queue = "local/idle";
    host.ask(task_id(id), test::create_task(id, task));
  }
}

// Deletes the entries of a shard up to and with this one.
void forget(Host& host, std::uint64_t last) {
  std::vector<RowOp> deletes;
  host.shard_snapshot(0)->scan(tables::events.id, "", [&](std::string_view key, WordSpan) {
    if (KeyReader(key).u64() > last) return false;
    deletes.push_back({tables::events.id, std::string(key), std::nullopt});
    return true;
  });
  host.commit_rows(std::move(deletes), 0);
}

}  // namespace

TEST_CASE("patterns match keys as in AMQP", "[events]") {
  struct Case {
    const char* pattern;
    const char* key;
    bool fits;
  };
  const std::vector<Case> cases = {{"a.b", "a.b", true},
                                   {"a.b", "a.c", false},
                                   {"a.b", "a", false},
                                   {"*", "a", true},
                                   {"*", "a.b", false},
                                   {"*", "", false},
                                   {"#", "", true},
                                   {"#", "a", true},
                                   {"#", "a.b.c", true},
                                   {"a.#", "a", true},
                                   {"a.#", "a.b.c", true},
                                   {"a.#", "b", false},
                                   {"#.c", "c", true},
                                   {"#.c", "a.b.c", true},
                                   {"#.c", "a.c.b", false},
                                   {"a.*.c", "a.b.c", true},
                                   {"a.*.c", "a.c", false},
                                   {"a.*.c", "a..c", true},
                                   {"#.b.#", "a.b.c", true},
                                   {"#.b.#", "b", true},
                                   {"#.#", "", true},
                                   {"*.#", "a", true},
                                   {"*.#", "", false},
                                   {"#.*", "a.b", true},
                                   {"a*", "ab", false},
                                   {"a#", "a.b", false},
                                   {"", "", true},
                                   {"", "a", false},
                                   {"a.", "a.", true},
                                   {"a.", "a", false},
                                   {"route.#", "route", true},
                                   {"#.a.#.a.#.a.#", "a.a", false}};
  for (const auto& one : cases) {
    CAPTURE(one.pattern, one.key);
    CHECK(matches_pattern(one.pattern, one.key) == one.fits);
  }
}

TEST_CASE("a wildcard is a word of its own", "[events]") {
  for (const char* good : {"", "a", "*", "#", "a.*.#", "primary.*", "a..b", "exchange/x/v1/y"}) {
    CAPTURE(good);
    CHECK(is_pattern(good));
  }
  for (const char* bad : {"**", "##", "primary.**", "a*", "a.b#", "exchange/x/v1/*", "#*"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_pattern(bad));
  }
}

TEST_CASE("the feed says the same from memory and from disk", "[events]") {
  const std::uint32_t shards = GENERATE(1U, 3U);
  LoadedHost host({.shards = shards});
  create_some(host, 0, 5);
  EventFeed feed(host.host(), log_name);
  const auto begin = host.host().last_events();
  CHECK(feed.read(begin, {}, {}).value().events.empty());
  create_some(host, 5, 15);

  const EventPage near = feed.read(begin, {}, {}).value();
  const EventPage disk = read_events(host.host(), begin, {}, {});
  REQUIRE(near.events.size() >= 20);
  CHECK(said(near).size() == said(disk).size());
  CHECK(near.last == disk.last);
  if (shards == 1) CHECK(said(near) == said(disk));

  SECTION("page by page") {
    EventPosition at = begin;
    std::vector<std::string> all;
    for (;;) {
      const EventPage page = feed.read(at, {.events = 3}, {}).value();
      if (page.events.empty()) break;
      for (auto& one : said(page)) all.push_back(one);
      at = page.last;
    }
    CHECK(all == said(near));
  }
  SECTION("page by page of so many bytes") {
    const PageLimits limits{.bytes = 1};
    CHECK(feed.read(begin, limits, {}).value().events.size() == 1);
    CHECK(read_events(host.host(), begin, limits, {}).events.size() == 1);
  }
  SECTION("through a filter") {
    const EventFilter filter{"exchange/taskcluster-queue/v1/task-defined", "primary.#"};
    CHECK(feed.read(begin, {}, filter).value().events.size() == 10);
    CHECK(read_events(host.host(), begin, {}, filter).events.size() == 10);
    const EventFilter none{"", "route.#"};
    const EventPage page = feed.read(begin, {}, none).value();
    CHECK(page.events.empty());
    CHECK(page.last == near.last);
  }
  SECTION("what is older than the feed") {
    CHECK(feed.read(EventPosition(shards, 0), {}, {}).value().events.size() ==
          read_events(host.host(), EventPosition(shards, 0), {}, {}).events.size());
  }
}

TEST_CASE("positions that cannot be read from are told where the log begins", "[events]") {
  LoadedHost host({.shards = 1});
  create_some(host, 0, 10);
  EventFeed feed(host.host(), log_name);
  const auto newest = host.host().last_events();
  CHECK(feed.find("now").value() == newest);
  CHECK(feed.find("").value() == EventPosition{0});
  CHECK(feed.find(feed.write(newest)).value() == newest);

  const auto code_of = [&feed](const std::string& position) {
    return feed.find(position).error().code;
  };
  CHECK(code_of("e2-ffffffffffff-1") == Errc::expired);
  CHECK(code_of(feed.write({newest[0] + 1'000})) == Errc::expired);
  CHECK(code_of(std::string("e2-") + log_name + "-1.2") == Errc::expired);
  for (const char* text : {"nonsense", "e2-", "e2-x", "e2--1", "e2-0123456789ab-", "e1-4",
                           "e2-0123456789ab-99999999999999999999"}) {
    CAPTURE(text);
    CHECK(code_of(text) == Errc::invalid);
  }

  forget(host.host(), 5);
  create_some(host, 10, 11);  // written behind that
  CHECK(feed.find("").value() == EventPosition{5});
  CHECK(feed.find(feed.write({5})).ok());
  const auto gone = feed.find(feed.write({4}));
  REQUIRE_FALSE(gone.ok());
  CHECK(gone.error().code == Errc::expired);
  CHECK(gone.error().detail.find("e2-0123456789ab-5") != std::string::npos);
  CHECK(feed.read({4}, {}, {}).error().code == Errc::expired);
  CHECK(feed.read({5}, {.events = 10}, {}).value().events.size() == 10);
}

TEST_CASE("streams of events have so many places", "[events]") {
  LoadedHost host({.shards = 1});
  EventFeed feed(host.host(), log_name);
  std::vector<std::shared_ptr<StreamPlace>> followers;
  for (auto one = feed.enter(); one.ok(); one = feed.enter()) followers.push_back(one.value());
  CHECK(followers.size() == 1'024);
  CHECK(feed.enter().error().code == Errc::busy);
  followers.pop_back();
  CHECK(feed.enter().ok());
}
