#include "runtime/store/store.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <lmdb.h>

#include <fstream>
#include <map>
#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

std::unique_ptr<Store> open_in(const TempFolder& folder) {
  auto store = Store::open(options_in(folder));
  REQUIRE(store.ok());
  return std::move(store).value();
}

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

// Writes a meta row that says another format, as a later program would.
void set_format(const std::string& directory, std::uint32_t format) {
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  mdb_env_set_maxdbs(env, 64);
  REQUIRE(mdb_env_open(env, directory.c_str(), 0, 0600) == 0);
  MDB_txn* txn = nullptr;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  MDB_dbi table = 0;
  REQUIRE(mdb_dbi_open(txn, "meta", MDB_CREATE, &table) == 0);
  const Bytes row = build<schema::StoreRow>([format](auto meta) {
    meta.setFormat(format);
    meta.setShards(1);
  });
  std::string key = KeyWriter().text("state").key();
  MDB_val k{key.size(), key.data()};
  MDB_val v{row.size_bytes(), const_cast<std::uint64_t*>(row.words().data())};
  REQUIRE(mdb_put(txn, table, &k, &v, 0) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

}  // namespace

TEST_CASE("a store keeps rows and its state over a reopen", "[store]") {
  const TempFolder folder;
  {
    const auto store = open_in(folder);
    CHECK(store->snapshot()->state().batch == 0);
    CHECK(store->snapshot()->state().sequence == 0);
    REQUIRE(write_rows(*store,
                       {{things.id, key_of(1), word(10)},
                        {things.id, key_of(2), word(20)},
                        {others.id, key_of(1), word(11)}},
                       {.batch = 7, .sequence = 8, .last_event = 9, .numbers_reserved = 10})
                .ok());
    REQUIRE(write_rows(*store, {{things.id, key_of(2), std::nullopt}}, store->snapshot()->state())
                .ok());
  }
  const auto store = open_in(folder);
  const auto view = store->snapshot();
  CHECK(view->state().batch == 7);
  CHECK(view->state().sequence == 8);
  CHECK(view->state().last_event == 9);
  CHECK(view->state().numbers_reserved == 10);
  CHECK(all_rows(*view, things.id) ==
        std::vector<std::pair<std::string, std::uint64_t>>{{key_of(1), 10}});
  REQUIRE(view->get(others.id, key_of(1)).has_value());
  CHECK(number_in(*view->get(others.id, key_of(1))) == 11);
  CHECK_FALSE(view->get(others.id, key_of(2)).has_value());
  CHECK(view->count(things.id) == 1);
}

TEST_CASE("deleting a row that is not there is no error", "[store]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  CHECK(write_rows(*store, {{things.id, key_of(1), std::nullopt}}, {}).ok());
}

TEST_CASE("a store makes its directory", "[store]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.directory = folder.path() + "/store";
  const auto store = Store::open(options);
  CHECK(store.ok());
}

TEST_CASE("a store that cannot be read is refused", "[store]") {
  const TempFolder folder;
  SECTION("of a newer version") {
    open_in(folder).reset();
    set_format(folder.path(), 99);
    const auto refused = Store::open(options_in(folder));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::conflict);
    CHECK_THAT(refused.error().detail,
               Catch::Contains("version 99") && Catch::Contains("version 2"));
  }
  SECTION("that is something else") {
    std::ofstream(folder.path() + "/data.mdb") << std::string(64 * 1024, 'x');
    const auto refused = Store::open(options_in(folder));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::corrupt);
  }
  SECTION("in a place that is a file") {
    std::ofstream(folder.path() + "/file") << "x";
    StoreOptions options = options_in(folder);
    options.directory = folder.path() + "/file";
    const auto refused = Store::open(options);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().detail.find(options.directory) != std::string::npos);
  }
}

TEST_CASE("a scan goes in order from where it is told until it is stopped", "[store]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  std::vector<RowOp> rows;
  for (const std::uint64_t n : {5U, 1U, 3U, 700U}) rows.push_back({things.id, key_of(n), word(n)});
  rows.push_back({others.id, key_of(2), word(2)});
  REQUIRE(write_rows(*store, rows, {}).ok());
  const auto view = store->snapshot();

  const auto scan = [&view](std::string_view from, std::size_t limit) {
    std::vector<std::uint64_t> found;
    view->scan(things.id, from, [&found, limit](std::string_view, WordSpan value) {
      found.push_back(number_in(value));
      return found.size() < limit;
    });
    return found;
  };
  CHECK(scan({}, 9) == std::vector<std::uint64_t>{1, 3, 5, 700});
  CHECK(scan(key_of(3), 9) == std::vector<std::uint64_t>{3, 5, 700});
  CHECK(scan(key_of(4), 1) == std::vector<std::uint64_t>{5});
  CHECK(scan(key_of(701), 9).empty());
}

TEST_CASE("the last key before another", "[store]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  CHECK_FALSE(store->snapshot()->last_key_before(things.id, key_of(9)).has_value());
  REQUIRE(write_rows(*store, {{things.id, key_of(3), word(3)}, {things.id, key_of(5), word(5)}}, {})
              .ok());
  const auto view = store->snapshot();
  CHECK(view->last_key_before(things.id, key_of(9)) == key_of(5));
  CHECK(view->last_key_before(things.id, key_of(5)) == key_of(3));
  CHECK(view->last_key_before(things.id, key_of(4)) == key_of(3));
  CHECK_FALSE(view->last_key_before(things.id, key_of(3)).has_value());
  CHECK_FALSE(view->last_key_before(others.id, key_of(9)).has_value());
}

TEST_CASE("a snapshot does not see what comes later", "[store]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  REQUIRE(write_rows(*store, {{things.id, key_of(1), word(1)}}, {.sequence = 1}).ok());
  const auto before = store->snapshot();
  std::thread([&store] {
    const auto applied = write_rows(*store, {{things.id, key_of(1), word(2)}}, {.sequence = 2});
    static_cast<void>(applied);
  }).join();
  CHECK(number_in(*before->get(things.id, key_of(1))) == 1);
  CHECK(before->state().sequence == 1);
  CHECK(number_in(*store->snapshot()->get(things.id, key_of(1))) == 2);
  CHECK(store->snapshot()->state().sequence == 2);
}

TEST_CASE("snapshots may be many, and are reused", "[store]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  for (std::uint64_t round = 1; round <= 3; ++round) {
    REQUIRE(write_rows(*store, {{things.id, key_of(1), word(round)}}, {}).ok());
    std::vector<std::unique_ptr<Snapshot>> views;
    for (int i = 0; i < 200; ++i) views.push_back(store->snapshot());
    for (const auto& view : views) REQUIRE(number_in(*view->get(things.id, key_of(1))) == round);
  }
}

TEST_CASE("a store holds what a map would hold, aligned", "[store]") {
  const TempFolder folder;
  auto store = open_in(folder);
  std::map<std::string, std::vector<std::uint64_t>> model;
  rc::prop("after any changes", [&] {
    std::vector<RowOp> rows;
    const int changes = *rc::gen::inRange(1, 30);
    for (int i = 0; i < changes; ++i) {
      const auto size = static_cast<std::size_t>(*rc::gen::inRange(0, 60));
      const std::string text(size, *rc::gen::element('a', 'b', '\xff'));
      const std::string key = KeyWriter().text(text).key();
      if (*rc::gen::inRange(0, 3) == 0) {
        rows.push_back({things.id, key, std::nullopt});
        model.erase(key);
      } else {
        const auto words = static_cast<std::size_t>(*rc::gen::inRange(0, 700));
        model[key] = std::vector<std::uint64_t>(words, words + 1);
        rows.push_back({things.id, key, Bytes(model[key])});
      }
    }
    RC_ASSERT(write_rows(*store, rows, {}).ok());
    const auto view = store->snapshot();
    RC_ASSERT(view->count(things.id) == model.size());
    auto expected = model.begin();
    view->scan(things.id, {}, [&expected](std::string_view key, WordSpan value) {
      RC_ASSERT(key == expected->first);
      RC_ASSERT(std::vector<std::uint64_t>(value.begin(), value.end()) == expected->second);
      RC_ASSERT(reinterpret_cast<std::uintptr_t>(value.data()) % 8 == 0U);
      ++expected;
      return true;
    });
    RC_ASSERT(expected == model.end());
  });
}

TEST_CASE("a message of several segments is stored as one", "[store]") {
  capnp::MallocMessageBuilder message(16, capnp::AllocationStrategy::FIXED_SIZE);
  auto envelope = message.initRoot<schema::Envelope>();
  envelope.setToKey("receiver");
  envelope.setError(std::string(1'000, 'e').c_str());
  REQUIRE(message.getSegmentsForOutput().size() > 1);
  Stored<schema::Envelope> stored(to_bytes(message));
  CHECK(str(stored.get().getToKey()) == "receiver");
  CHECK(stored.get().getError().size() == 1'000);
}
