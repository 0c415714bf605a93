// Data of other versions and other shards.
#include "runtime/store/upgrade.h"

#include "runtime/store/key.h"
#include "runtime/store/lmdb_values.h"
#include "runtime/store/message.h"
#include "runtime/store/meta_row.h"
#include "schema/store/envelope.capnp.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <lmdb.h>

#include <array>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

void plant(MDB_txn* txn, const char* table, const std::string& key, const Bytes& value) {
  MDB_dbi handle = 0;
  REQUIRE(mdb_dbi_open(txn, table, MDB_CREATE, &handle) == 0);
  MDB_val k{key.size(), const_cast<char*>(key.data())};
  MDB_val v{value.size_bytes(), const_cast<std::uint64_t*>(value.words().data())};
  REQUIRE(mdb_put(txn, handle, &k, &v, 0) == 0);
}

// Data as version 1 wrote it: no table `parts`, long values in one piece, no shard in the meta row.
void plant_version_1(const std::string& directory) {
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  mdb_env_set_maxdbs(env, 64);
  REQUIRE(mdb_env_open(env, directory.c_str(), 0, 0600) == 0);
  MDB_txn* txn = nullptr;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  plant(txn, "things", key_of(1), word(11));
  plant(txn, "things", key_of(2), Bytes(std::vector<std::uint64_t>(5'000, 22)));
  plant(txn, "meta", meta_key(), build<schema::StoreRow>([](schema::StoreRow::Builder row) {
          row.setFormat(1);
          row.setBatch(7);
          row.setSequence(8);
          row.setLastEvent(9);
          row.setNumbersReserved(10);
          row.setShards(1);
        }));
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

// Steps of a later program: all things are counted on; the table of others is made; it fails.
Result<std::uint64_t> count_things_on(MDB_txn* txn) {
  MDB_dbi handle = 0;
  MDB_cursor* cursor = nullptr;
  REQUIRE(mdb_dbi_open(txn, "things", 0, &handle) == 0);
  REQUIRE(mdb_cursor_open(txn, handle, &cursor) == 0);
  std::uint64_t rows = 0;
  MDB_val k{};
  MDB_val v{};
  while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
    const Bytes next = word(number_in(to_words(v)) + 1);
    MDB_val changed = to_val(next.words());
    REQUIRE(mdb_cursor_put(cursor, &k, &changed, MDB_CURRENT) == 0);
    ++rows;
  }
  mdb_cursor_close(cursor);
  return rows;
}
Result<std::uint64_t> add_others(MDB_txn* txn) {
  MDB_dbi handle = 0;
  REQUIRE(mdb_dbi_open(txn, "others", MDB_CREATE, &handle) == 0);
  return std::uint64_t{0};
}
Result<std::uint64_t> find_disk_full(MDB_txn*) {
  return Error{Errc::busy, "the disk is full"};
}

/// The steps as they are reported: version and changed rows.
struct Upgraded {
  Status outcome = Done{};
  std::vector<std::pair<std::uint32_t, std::uint64_t>> steps;
};

// Runs steps on data in `directory` in one transaction, and answers its first thing too.
Upgraded upgrade_things(const std::string& directory,
                        std::uint32_t format,
                        std::span<const UpgradeStep> steps,
                        std::uint64_t& first) {
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  mdb_env_set_maxdbs(env, 64);
  REQUIRE(mdb_env_open(env, directory.c_str(), 0, 0600) == 0);
  MDB_txn* txn = nullptr;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  Upgraded upgraded;
  upgraded.outcome = upgrade_data(txn, format, steps, [&](const auto& step, std::uint64_t rows) {
    upgraded.steps.emplace_back(step.from, rows);
  });
  if (upgraded.outcome.ok()) {
    REQUIRE(mdb_txn_commit(txn) == 0);
  } else {
    mdb_txn_abort(txn);
  }
  REQUIRE(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) == 0);
  MDB_dbi handle = 0;
  REQUIRE(mdb_dbi_open(txn, "things", 0, &handle) == 0);
  std::string key = key_of(1);
  MDB_val k{key.size(), key.data()};
  MDB_val v{};
  REQUIRE(mdb_get(txn, handle, &k, &v) == 0);
  first = number_in(to_words(v));
  mdb_txn_abort(txn);
  mdb_env_close(env);
  return upgraded;
}

void check_rows(const Snapshot& view) {
  CHECK(number_in(*view.get(things.id, key_of(1))) == 11);
  CHECK(view.get(things.id, key_of(2))->size() == 5'000);
  CHECK(view.state() ==
        StoreState{.batch = 7, .sequence = 8, .last_event = 9, .numbers_reserved = 10});
}

}  // namespace

TEST_CASE("data of version 1", "[upgrade]") {
  const TempFolder folder;
  plant_version_1(folder.path());
  std::vector<std::string> steps;
  StoreOptions options = options_in(folder);
  options.hooks.report = [&steps](const std::string& event, const std::string& detail) {
    CHECK(event == "upgrade_step");
    steps.push_back(detail);
  };
  SECTION("is refused where nobody allowed it, naming both versions") {
    options.upgrade = UpgradeMode::no;
    const auto refused = Store::open(options);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::conflict);
    CHECK_THAT(refused.error().detail, Catch::Contains("version 1") &&
                                           Catch::Contains("version 2") &&
                                           Catch::Contains("troupe upgrade"));
    CHECK(steps.empty());
  }
  SECTION("says in a dry run what would be done, and stays as it is") {
    options.upgrade = UpgradeMode::dry_run;
    for (int i = 0; i < 2; ++i) {
      auto store = Store::open(options);
      REQUIRE(store.ok());
      check_rows(*store.value()->snapshot());
      CHECK(write_rows(*store.value(), {}).error().code == Errc::conflict);
      CHECK(steps.size() == static_cast<std::size_t>(i) + 1);
    }
    CHECK_THAT(steps[0], Catch::Contains("version 1 to 2") && Catch::Contains("parts") &&
                             Catch::Contains("rows changed: 0"));
  }
  SECTION("becomes version 2, once, with the same rows") {
    for (int i = 0; i < 2; ++i) {
      auto store = Store::open(options);
      REQUIRE(store.ok());
      check_rows(*store.value()->snapshot());
    }
    CHECK(steps.size() == 1);
    options.upgrade = UpgradeMode::no;
    auto store = std::move(Store::open(options)).value();
    CHECK(store->snapshot()->count(tables::parts.id) == 0);
    const Bytes longer(std::vector<std::uint64_t>(5'000, 33));
    REQUIRE(write_rows(*store, {{things.id, key_of(2), longer}}).ok());
    CHECK(store->snapshot()->count(tables::parts.id) == 3);
  }
}

TEST_CASE("steps follow each other, and land together or not at all", "[upgrade]") {
  const TempFolder folder;
  {
    auto store = std::move(Store::open(options_in(folder))).value();
    REQUIRE(write_rows(*store, {{things.id, key_of(1), word(11)}, {things.id, key_of(2), word(22)}})
                .ok());
  }
  std::array steps = {UpgradeStep{7, "things are counted on", count_things_on},
                      UpgradeStep{8, "the table of others is made", add_others},
                      UpgradeStep{9, "things are counted on again", count_things_on}};
  using Steps = std::vector<std::pair<std::uint32_t, std::uint64_t>>;
  std::uint64_t first = 0;
  SECTION("all of them") {
    const auto upgraded = upgrade_things(folder.path(), 7, steps, first);
    CHECK(upgraded.outcome.ok());
    CHECK(upgraded.steps == Steps{{7, 2}, {8, 0}, {9, 2}});
    CHECK(first == 13);
  }
  SECTION("those that data in between needs") {
    CHECK(upgrade_things(folder.path(), 9, steps, first).steps == Steps{{9, 2}});
    CHECK(first == 12);
  }
  SECTION("none") {
    CHECK(upgrade_things(folder.path(), 10, steps, first).steps.empty());
    CHECK(first == 11);
  }
  SECTION("nothing stays of those before one that fails") {
    steps[2].run = find_disk_full;
    const auto upgraded = upgrade_things(folder.path(), 7, steps, first);
    CHECK(upgraded.outcome.error().code == Errc::busy);
    CHECK(first == 11);
  }
  SECTION("from a version that never was there is no way") {
    const auto upgraded = upgrade_things(folder.path(), 6, steps, first);
    CHECK(upgraded.outcome.error().code == Errc::corrupt);
    CHECK(upgraded.steps.empty());
    CHECK(first == 11);
  }
}

TEST_CASE("a dry run without data makes nothing", "[upgrade]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.directory = folder.path() + "/none";
  options.upgrade = UpgradeMode::dry_run;
  CHECK(Store::open(options).error().code == Errc::not_found);
  CHECK_FALSE(std::filesystem::exists(options.directory));
}

TEST_CASE("the number of shards is fixed when data is made", "[upgrade]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.shard = 2;
  options.shards = 4;
  REQUIRE(Store::open(options).ok());
  REQUIRE(Store::open(options).ok());
  SECTION("another number") {
    options.shards = 8;
  }
  SECTION("another shard") {
    options.shard = 3;
  }
  const auto refused = Store::open(options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::conflict);
  CHECK_THAT(refused.error().detail, Catch::Contains("shard 2 of 4") &&
                                         Catch::Contains("shard " + std::to_string(options.shard) +
                                                         " of " + std::to_string(options.shards)));
}
