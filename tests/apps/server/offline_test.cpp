// `troupe upgrade` on a data directory of several shards: data of an older and of a newer version.
#include "apps/troupe/server/offline.h"

#include "apps/troupe/server/data_check.h"
#include "runtime/store/meta_row.h"
#include "tests/apps/server/loaded_host.h"

#include <lmdb.h>

namespace troupe::server {
namespace {

constexpr std::uint32_t shards = 3;

void set_version(MDB_txn* txn, std::uint32_t version) {
  MDB_dbi meta = 0;
  REQUIRE(mdb_dbi_open(txn, "meta", 0, &meta) == 0);
  MDB_val key{meta_key().size(), const_cast<char*>(meta_key().data())};
  MDB_val value{};
  REQUIRE(mdb_get(txn, meta, &key, &value) == 0);
  const auto* words = static_cast<const std::uint64_t*>(value.mv_data);
  MetaRow row = decode_meta({words, value.mv_size / sizeof(std::uint64_t)});
  row.format = version;
  const Bytes bytes = encode_meta(row);
  MDB_val changed{bytes.size_bytes(), const_cast<std::uint64_t*>(bytes.words().data())};
  REQUIRE(mdb_put(txn, meta, &key, &changed, 0) == 0);
}

/// Makes a shard's data that of another version: the first one had no table `parts`.
void make_version(const std::string& data, std::uint32_t shard, std::uint32_t version) {
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  mdb_env_set_maxdbs(env, 64);
  const std::string directory = store_dir(data) + "/" + std::to_string(shard);
  REQUIRE(mdb_env_open(env, directory.c_str(), 0, 0600) == 0);
  MDB_txn* txn = nullptr;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  MDB_dbi parts = 0;
  if (version == 1) {
    REQUIRE(mdb_dbi_open(txn, "parts", 0, &parts) == 0);
    REQUIRE(mdb_drop(txn, parts, 1) == 0);
  }
  set_version(txn, version);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
}

/// A stopped data directory, with some tasks.
class Stopped {
 public:
  Stopped() {
    LoadedHost platform({.shards = shards});
    for (int i = 0; i < 9; ++i) platform.create("G-upgraded-----------" + std::to_string(i));
    platform.stop();
    std::filesystem::copy(platform.data(), data(), std::filesystem::copy_options::recursive);
  }
  std::string data() const { return dir_ / "data"; }
  void make(std::uint32_t version) const {
    for (std::uint32_t shard = 0; shard < shards; ++shard) make_version(data(), shard, version);
  }
  Upgrade upgrade(UpgradeMode mode) const {
    auto upgraded = upgrade_stopped(data(), mode);
    if (!upgraded.ok()) FAIL(upgraded.error().detail);
    return std::move(upgraded).value();
  }

 private:
  test::TempDir dir_;
};

}  // namespace

TEST_CASE("a dry run says what each shard needs, and changes nothing", "[upgrade]") {
  const Stopped stopped;
  stopped.make(1);
  for (int i = 0; i < 2; ++i) {
    const auto plan = stopped.upgrade(UpgradeMode::dry_run);
    CHECK(plan.to == format_version);
    REQUIRE(plan.shards.size() == shards);
    for (const auto& shard : plan.shards) {
      CHECK(shard.from == 1);
      CHECK(shard.rows > 3);
      REQUIRE(shard.steps.size() == 1);
      CHECK_THAT(shard.steps[0], Catch::Contains("version 1 to 2") && Catch::Contains("parts") &&
                                     Catch::Contains("rows changed: 0"));
    }
  }
}

TEST_CASE("an upgrade brings all shards to this version, once", "[upgrade]") {
  const Stopped stopped;
  stopped.make(1);
  // One that was done before the last upgrade was cut short.
  make_version(stopped.data(), 1, format_version);
  const auto refused = open_shards(stopped.data());
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().detail, Catch::Contains("run `troupe upgrade`"));

  const auto done = stopped.upgrade(UpgradeMode::yes);
  CHECK(done.shards[0].steps.size() == 1);
  CHECK(done.shards[1].steps.empty());
  CHECK(done.shards[2].steps.size() == 1);
  CHECK_FALSE(stopped.upgrade(UpgradeMode::yes).has_steps());
  const auto opened = open_shards(stopped.data());
  require_ok(opened);
  Findings findings;
  require_ok(check_data(opened.value(), stopped.data(), BlobCheck::size, test::start, findings));
  CHECK(findings.total() == 0);
  CHECK(findings.counts().at("task actors") == 9);
}

TEST_CASE("newer data in one shard is refused before any other is changed", "[upgrade]") {
  const Stopped stopped;
  stopped.make(1);
  make_version(stopped.data(), 2, format_version + 1);
  const auto refused = upgrade_stopped(stopped.data(), UpgradeMode::yes);
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().detail,
             Catch::Contains("version " + std::to_string(format_version + 1)) &&
                 Catch::Contains("version " + std::to_string(format_version)) &&
                 Catch::Contains("start a newer program"));
  make_version(stopped.data(), 2, format_version);
  CHECK(stopped.upgrade(UpgradeMode::dry_run).shards[0].from == 1);
}

TEST_CASE("a directory that is in use is not upgraded", "[upgrade]") {
  LoadedHost platform({.shards = shards});
  const auto refused = upgrade_stopped(platform.data(), UpgradeMode::yes);
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().detail, Catch::Contains("in use by process"));
}

}  // namespace troupe::server
