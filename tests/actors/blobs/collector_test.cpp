// Who uses which blob, and when nobody does: what tasks tell their blobs' collectors, what these
// offer to a janitor, and a law: whatever happens in whatever order, nothing that is referred to is
// removed, and what is not goes in the end.
#include "actors/blobs/collector.h"

#include "actors/blobs/state.h"
#include "actors/task/transition.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

constexpr Duration expiry_delay{30 * minute};
constexpr Duration grace{hour};

// Blobs of one collector: only the second byte tells them apart.
std::string blob(char which) {
  std::string hash(32, '\0');
  hash[0] = 'c';
  hash[1] = which;
  return hash;
}

const ActorId collector = blobs::collector_of(blob('a'));

Bytes put(const std::string& name, const std::string& hash, Instant expires) {
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto out = m.initPutArtifact();
    out.getClaimRef().setByRun(true);
    auto artifact = out.getArtifact();
    artifact.setName(text(name));
    artifact.setStorageType("s3");
    artifact.setExpires(expires.ms);
    artifact.setSize(1);
    artifact.setSha256({reinterpret_cast<const kj::byte*>(hash.data()), hash.size()});
  });
}

template <class List>
void fill(const Names& names, List list) {
  for (unsigned i = 0; i < list.size(); ++i) {
    list.set(i, {reinterpret_cast<const kj::byte*>(names[i].data()), names[i].size()});
  }
}

Bytes watch() {
  return build<schema::BlobMessage>([](auto m) { m.setWatch(); });
}

Bytes settle(const Names& removed, const Names& kept) {
  return build<schema::BlobMessage>([&](auto m) {
    auto out = m.initSettle();
    fill(removed, out.initRemoved(static_cast<unsigned>(removed.size())));
    fill(kept, out.initKept(static_cast<unsigned>(kept.size())));
  });
}

Bytes suspect(const Names& names) {
  return build<schema::BlobMessage>(
      [&](auto m) { fill(names, m.initSuspect(static_cast<unsigned>(names.size()))); });
}

Names offered(const Reply& reply) {
  Names found;
  if (!reply.body.ok() || reply.body.value().empty()) return found;
  Stored<schema::BlobPush> push(reply.body.value());
  for (const auto name : push.get().getGarbage()) {
    found.emplace_back(reinterpret_cast<const char*>(name.begin()), name.size());
  }
  return found;
}

Names offers(Cast& cast, ReplyTo janitor) {
  Names all;
  for (const Reply& reply : cast.replies(janitor)) {
    for (auto& name : offered(reply)) all.push_back(name);
  }
  return all;
}

// A task whose run 0 is running, for long.
void bring(Cast& cast, const std::string& id, Instant expires = start + 10 * hour) {
  const NewTask task{.created = cast.now, .deadline = cast.now + hour, .expires = expires};
  REQUIRE(cast.ask(task_id(id), create_task(id, task)).ok());
  REQUIRE(cast.ask(task_id(id), claim_by_name(0, "g/w", 1)).ok());
}

std::size_t references(Cast& cast) {
  return cast.rows(collector).count(tables::blob_references.id);
}
std::size_t garbage(Cast& cast) {
  return cast.rows(collector).count(tables::blob_garbage.id);
}

TEST_CASE("the collector knows who uses a blob, until the last has gone", "[blobs]") {
  Cast cast;
  const auto janitor = cast.tell(collector, watch());
  bring(cast, "A");
  bring(cast, "B", start + 20 * hour);
  for (const char* id : {"A", "B"}) {
    REQUIRE(cast.ask(task_id(id), put("log", blob('a'), {})).ok());
    REQUIRE(cast.ask(task_id(id), put("log", blob('a'), {})).ok());
  }
  CHECK(references(cast) == 2);
  cast.advance(11 * hour);
  CHECK(references(cast) == 1);
  CHECK(garbage(cast) == 0);
  cast.advance(9 * hour);
  CHECK(garbage(cast) == 0);
  cast.advance(expiry_delay);
  CHECK(references(cast) == 0);
  CHECK(garbage(cast) == 1);
  cast.advance(grace - Duration{1});
  CHECK(offers(cast, janitor) == Names{});
  cast.advance(Duration{1});
  CHECK(offers(cast, janitor) == Names{blob('a')});
  REQUIRE(cast.ask(collector, settle({blob('a')}, {})).ok());
  CHECK(garbage(cast) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("an artifact goes some time after it has expired, its task stays", "[blobs]") {
  Cast cast;
  bring(cast, "A");
  REQUIRE(cast.ask(task_id("A"), put("early", blob('a'), start + hour)).ok());
  REQUIRE(cast.ask(task_id("A"), put("later", blob('b'), start + 2 * hour)).ok());
  REQUIRE(cast.ask(task_id("A"), put("first", blob('c'), start + minute)).ok());
  REQUIRE(cast.ask(task_id("A"), put("last", blob('d'), {})).ok());
  const auto left = [&] { return cast.rows(task_id("A")).count(tables::task_artifacts.id); };
  cast.advance(minute + expiry_delay - Duration{1});
  CHECK(left() == 4);
  cast.advance(Duration{1});
  CHECK(left() == 3);
  cast.restart();
  cast.advance(59 * minute);
  CHECK(left() == 2);
  CHECK(references(cast) == 2);
  cast.advance(hour);
  CHECK(left() == 1);
  CHECK(cast.task("A").exists);
  CHECK_FALSE(cast.timers(task_id("A")).contains(task::artifacts_timer));
  CHECK(cast.faults == Names{});
}

TEST_CASE("an artifact's timer is found again after a restart", "[blobs]") {
  Cast cast;
  bring(cast, "A");
  REQUIRE(cast.ask(task_id("A"), put("early", blob('a'), start + hour)).ok());
  cast.restart();
  REQUIRE(cast.ask(task_id("A"), put("later", blob('b'), start + 2 * hour)).ok());
  CHECK(*cast.timers(task_id("A")).at(task::artifacts_timer).due == start + hour + expiry_delay);
}

TEST_CASE("more artifacts than one handler removes", "[blobs]") {
  Cast cast;
  bring(cast, "A");
  for (int i = 0; i < 230; ++i) {
    REQUIRE(cast.ask(task_id("A"), put(std::to_string(i), blob('a'), start + hour)).ok());
  }
  CHECK(references(cast) == 230);
  cast.advance(hour + expiry_delay);
  CHECK(cast.rows(task_id("A")).count(tables::task_artifacts.id) == 0);
  CHECK(references(cast) == 0);
  CHECK(garbage(cast) == 1);
  CHECK(cast.faults == Names{});
}

TEST_CASE("artifacts that expire are looked at once, however many stay", "[blobs]") {
  constexpr int many = 350;
  Cast cast;
  bring(cast, "A");
  for (int i = 0; i < many; ++i) {
    const std::string name = std::to_string(i);
    REQUIRE(cast.ask(task_id("A"), put("a" + name, blob('a'), start + 2 * hour)).ok());
    REQUIRE(cast.ask(task_id("A"), put("b" + name, blob('b'), start + hour)).ok());
  }
  const auto& rows = cast.rows(task_id("A"));
  const auto scanned = rows.scanned();
  cast.advance(hour + expiry_delay);
  CHECK(rows.count(tables::task_artifacts.id) == many);
  CHECK(rows.scanned() - scanned == 2 * many);
  CHECK(*cast.timers(task_id("A")).at(task::artifacts_timer).due ==
        start + 2 * hour + expiry_delay);
  CHECK(cast.faults == Names{});
}

TEST_CASE("an artifact that comes while others are removed keeps its time", "[blobs]") {
  Cast cast;
  bring(cast, "A");
  for (int i = 0; i < 150; ++i) {
    REQUIRE(cast.ask(task_id("A"), put("b" + std::to_string(i), blob('b'), start + hour)).ok());
  }
  cast.now = start + hour + expiry_delay;
  cast.fire(task_id("A"), task::artifacts_timer);
  const auto& rows = cast.rows(task_id("A"));
  REQUIRE(rows.count(tables::task_artifacts.id) == 50);
  REQUIRE(cast.ask(task_id("A"), put("a", blob('a'), cast.now + minute)).ok());
  const bool restarted = GENERATE(false, true);
  if (restarted) cast.restart();
  cast.advance(Duration{});
  CHECK(rows.count(tables::task_artifacts.id) == 1);
  cast.advance(minute + expiry_delay - Duration{1});
  CHECK(rows.count(tables::task_artifacts.id) == 1);
  cast.advance(Duration{1});
  CHECK(rows.count(tables::task_artifacts.id) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a blob that is used anew is garbage no more", "[blobs]") {
  Cast cast;
  const auto janitor = cast.tell(collector, watch());
  bring(cast, "A");
  REQUIRE(cast.ask(task_id("A"), put("early", blob('a'), start + minute)).ok());
  cast.advance(minute + expiry_delay);
  REQUIRE(garbage(cast) == 1);
  bring(cast, "B");
  REQUIRE(cast.ask(task_id("B"), put("log", blob('a'), {})).ok());
  CHECK(garbage(cast) == 0);
  cast.advance(2 * grace);
  CHECK(offers(cast, janitor) == Names{});
}

TEST_CASE("what the janitor has kept is offered again, later", "[blobs]") {
  Cast cast;
  const auto janitor = cast.tell(collector, watch());
  REQUIRE(cast.ask(collector, suspect({blob('a'), blob('b')})).ok());
  cast.advance(grace);
  REQUIRE(offers(cast, janitor).size() == 2);
  REQUIRE(cast.ask(collector, settle({blob('b')}, {blob('a')})).ok());
  cast.advance(grace - Duration{1});
  CHECK(offers(cast, janitor).size() == 2);
  cast.advance(Duration{1});
  CHECK(offers(cast, janitor) == Names{blob('a'), blob('b'), blob('a')});
}

TEST_CASE("a janitor that comes late is offered what is due, a new one once more", "[blobs]") {
  Cast cast;
  Names many;
  for (int i = 0; i < 100; ++i) many.push_back(blob(static_cast<char>(i)));
  REQUIRE(cast.ask(collector, suspect(many)).ok());
  cast.advance(2 * grace);
  const auto first = cast.tell(collector, watch());
  cast.run();
  CHECK(offers(cast, first).size() == 64);
  cast.restart();
  const auto second = cast.tell(collector, watch());
  cast.run();
  const Names some = offers(cast, second);
  REQUIRE(some.size() == 64);
  REQUIRE(cast.ask(collector, settle(some, {})).ok());
  CHECK(offers(cast, second).size() == 100);
  CHECK(garbage(cast) == 36);
}

TEST_CASE("only what nobody uses can be suspected", "[blobs]") {
  Cast cast;
  bring(cast, "A");
  REQUIRE(cast.ask(task_id("A"), put("log", blob('a'), {})).ok());
  REQUIRE(cast.ask(collector, suspect({blob('a'), blob('b')})).ok());
  CHECK(garbage(cast) == 1);
}

// A blob store that removes what nobody has touched for as long as the grace, as the real one does.
struct Files {
  std::map<std::string, Instant> touched;

  Names removed_of(const Names& offer, Instant before, Names& kept) {
    Names removed;
    for (const auto& name : offer) {
      const auto found = touched.find(name);
      if (found != touched.end() && found->second > before) {
        kept.push_back(name);
      } else {
        touched.erase(name);
        removed.push_back(name);
      }
    }
    return removed;
  }
};

// The blobs that rows of artifacts name.
std::set<std::string> named(Cast& cast, int tasks) {
  std::set<std::string> found;
  for (int i = 0; i < tasks; ++i) {
    const auto id = task_id("T" + std::to_string(i));
    for (const auto& row : cast.rows(id).scan(tables::task_artifacts.id, "", "", 1'000)) {
      Stored<schema::ArtifactRow> stored(row.value);
      const auto hash = stored.get().getSha256();
      found.emplace(reinterpret_cast<const char*>(hash.begin()), hash.size());
    }
  }
  return found;
}

void play(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](std::uint32_t n) { return random() % n; };
  Cast cast;
  Files files;
  int tasks = 0;
  std::size_t heard = 0;
  bool dies = true;  // janitors do now and then, before they have settled
  ReplyTo janitor;
  const auto new_janitor = [&] {
    janitor = cast.tell(collector, watch());
    heard = 0;
  };
  const auto work_off = [&] {
    while (heard < cast.replies(janitor).size()) {
      const Names offer = offered(cast.replies(janitor)[heard++]);
      if (offer.empty()) continue;
      Names kept;
      const Names removed = files.removed_of(offer, cast.now - grace, kept);
      if (dies && below(4) == 0) {
        new_janitor();
      } else {
        cast.tell(collector, settle(removed, kept));
      }
    }
  };
  new_janitor();
  for (int step = 0; step < 400; ++step) {
    const auto what = below(16);
    if (what < 2) {
      bring(cast, "T" + std::to_string(tasks++), cast.now + hour + minute * (1 + below(300)));
    } else if (what < 9 && tasks > 0) {
      const std::string hash = blob(static_cast<char>('a' + below(6)));
      files.touched[hash] = cast.now;  // it is uploaded, or was found to be here
      const Instant expires = below(2) ? Instant{} : cast.now + minute * below(60);
      cast.tell(task_id("T" + std::to_string(below(static_cast<std::uint32_t>(tasks)))),
                put("N" + std::to_string(below(4)), hash, expires));
    } else if (what < 12) {
      for (auto n = below(6); n > 0; --n) cast.step(below(4));
    } else if (what < 13) {
      cast.restart();
      new_janitor();
    } else {
      cast.advance(minute * below(60));
    }
    work_off();
    for (const auto& hash : named(cast, tasks)) REQUIRE(files.touched.contains(hash));
  }
  dies = false;
  new_janitor();
  // Bytes that were sent for an artifact which was refused are found by looking for them.
  Names left;
  for (const auto& [hash, when] : files.touched) left.push_back(hash);
  cast.tell(collector, suspect(left));
  for (int i = 0; i < 100; ++i) {
    cast.advance(hour);
    work_off();
    for (const auto& hash : named(cast, tasks)) REQUIRE(files.touched.contains(hash));
  }
  cast.run();
  CHECK(named(cast, tasks).empty());
  CHECK(references(cast) == 0);
  CHECK(garbage(cast) == 0);
  CHECK(files.touched.empty());
  CHECK(cast.faults == Names{});
}

TEST_CASE("nothing that is referred to is removed, and all else goes in the end", "[blobs]") {
  for (std::uint32_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    play(seed);
  }
}

}  // namespace
}  // namespace troupe::test
