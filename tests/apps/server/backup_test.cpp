// Backups of a host with several shards while it is under load; those that give up.
#include "apps/troupe/server/backup.h"

#include "apps/troupe/server/backup_service.h"
#include "apps/troupe/server/data_check.h"
#include "apps/troupe/server/restore.h"
#include "runtime/clock/clock.h"
#include "runtime/store/key.h"
#include "tests/apps/server/loaded_host.h"

namespace troupe::server {
namespace {

constexpr std::uint64_t small_map = 16ULL << 20;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// An id of a task that lives in the first of three shards.
std::string id_in_first_shard(int& from) {
  for (;;) {
    const std::string id = "E-first--------" + std::to_string(1'000'000 + from++);
    if (shard_of(task_id(id), 3) == 0) return id;
  }
}

double share_used(LoadedHost& platform) {
  const auto use = platform.host().stats().shard_stores.at(0);
  return static_cast<double>(use.used_bytes) / static_cast<double>(use.limit_bytes);
}

void fill_first_shard(LoadedHost& platform, const std::function<bool()>& enough) {
  const std::string payload = "{\"text\":\"" + std::string(60'000, 'x') + "\"}";
  for (int next = 0; !enough();) platform.create(id_in_first_shard(next), payload);
}

// Writes one row again and again. Pages that it frees cannot be used again under a snapshot.
void churn_until_grown(Host& host, std::uint64_t file_bytes) {
  const RowOp row{tables::dead_letters.id, KeyWriter().u64(3).key(),
                  Bytes(std::vector<std::uint64_t>(10'000, 1))};
  while (host.stats().shard_stores[0].file_bytes < file_bytes) {
    host.commit_rows({row}, 0);
    while (host.stats().committer.waiting > 0) {
    }
  }
  host.commit_rows({{row.table, row.key, std::nullopt}}, 0);
}

void check_gave_up(const Status& outcome) {
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().code == Errc::busy);
  CHECK_THAT(outcome.error().detail,
             Catch::Contains("80% full") && Catch::Contains("raise store.map_size"));
}

}  // namespace

TEST_CASE("a backup under load holds all that was acknowledged before it", "[backup]") {
  LoadedHost platform({.shards = 3});
  platform.begin_load();
  const auto before = platform.wait_for(400);
  constexpr std::uint64_t rate = 2ULL << 20;
  BackupPace pace(rate, watch_room(platform.host()));
  const Duration begun = elapsed_now();
  const auto done = run_backup(platform.source(), {platform.out(), true, test::start}, pace);
  const Duration took = elapsed_now() - begun;
  REQUIRE(done.ok());
  // Work went on meanwhile, and the copy was no faster than it was told.
  platform.wait_for(before.size() + 1);
  CHECK(took.count() + 1 >= static_cast<std::int64_t>(pace.totals().row_bytes * 1'000 / rate));
  platform.end_load();

  Findings findings;
  const auto restored = run_restore(platform.out(), platform.elsewhere(), test::start, findings);
  REQUIRE(restored.ok());
  CHECK(restored.value().voided > 0);
  const auto shards = open_shards(platform.elsewhere());
  REQUIRE(shards.ok());
  REQUIRE(check_data(shards.value(), platform.elsewhere(), BlobCheck::bytes, test::start, findings)
              .ok());
  CHECK(findings.total() == 0);
  const CheckView view(shards.value().views(), test::start, findings);
  std::size_t missing = 0;
  for (const auto& id : before) {
    if (!view.row(view.locate(task_id(id)), tables::task_state)) ++missing;
  }
  CHECK(missing == 0);
}

TEST_CASE("a backup gives up when one shard is nearly full", "[backup]") {
  LoadedHost platform({.shards = 3, .map_bytes = small_map});
  const BackupOptions options{platform.out(), true, test::start};
  SECTION("before it begins") {
    fill_first_shard(platform, [&] { return share_used(platform) > 0.82; });
    BackupPace pace(0, watch_room(platform.host()));
    check_gave_up(run_backup(platform.source(), options, pace));
    CHECK_FALSE(std::filesystem::exists(platform.out()));
  }
  SECTION("while it copies") {
    fill_first_shard(platform, [&] { return share_used(platform) > 0.5; });
    BackupPace pace(0, watch_room(platform.host()));
    auto source = platform.source();
    source.snapshots = [&platform] {
      auto snapshots = platform.host().cut();
      fill_first_shard(platform, watch_room(platform.host()));
      return snapshots;
    };
    check_gave_up(run_backup(source, options, pace));
    CHECK_FALSE(std::filesystem::exists(platform.out()));
  }
  SECTION("when its own snapshot keeps pages from reuse") {
    BackupPace pace(0, watch_room(platform.host()));
    auto source = platform.source();
    source.snapshots = [&platform] {
      auto snapshots = platform.host().cut();
      churn_until_grown(platform.host(), small_map / 10 * 9);
      return snapshots;
    };
    check_gave_up(run_backup(source, options, pace));
    CHECK(share_used(platform) < 0.5);
    CHECK_FALSE(std::filesystem::exists(platform.out()));
    // Room again, once the snapshot is gone.
    BackupPace next(0, watch_room(platform.host()));
    CHECK(run_backup(platform.source(), options, next).ok());
  }
}

TEST_CASE("a backup that ends early leaves what was there", "[backup]") {
  LoadedHost platform({.shards = 3});
  platform.create("F-one----------------A");
  const BackupOptions options{platform.out(), true, test::start};
  const auto stop_and_run = [&] {
    BackupPace pace(1, [] { return false; });  // a byte a second: it cannot end
    auto source = platform.source();
    source.snapshots = [&] {
      pace.stop();
      return platform.host().cut();
    };
    return run_backup(source, options, pace);
  };
  SECTION("no folder") {
    CHECK(stop_and_run().error().code == Errc::unavailable);
    CHECK_FALSE(std::filesystem::exists(platform.out()));
  }
  SECTION("an empty folder") {
    std::filesystem::create_directory(platform.out());
    CHECK_FALSE(stop_and_run().ok());
    CHECK(names_in(platform.out()).empty());
  }
  SECTION("an earlier backup") {
    BackupPace pace(0, [] { return false; });
    REQUIRE(run_backup(platform.source(), options, pace).ok());
    const auto names = names_in(platform.out());
    CHECK_FALSE(stop_and_run().ok());
    CHECK(names_in(platform.out()) == names);
    Findings findings;
    CHECK(run_restore(platform.out(), platform.elsewhere(), test::start, findings).ok());
  }
}

}  // namespace troupe::server
