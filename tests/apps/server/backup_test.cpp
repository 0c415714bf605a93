// Backups of a host with several shards while it is under load; those that give up.
#include "apps/troupe/server/backup.h"

#include "apps/troupe/server/backup_service.h"
#include "apps/troupe/server/data_check.h"
#include "apps/troupe/server/restore.h"
#include "runtime/clock/clock.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"
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

/// Writes a row of the first shard, or deletes it, and waits until that is on disk.
void commit(LoadedHost& platform, const RowOp& row) {
  platform.host().commit_rows({row}, 0);
  platform.wait_until([&] {
    const auto snapshot = platform.host().shard_snapshot(0);
    const auto found = snapshot->get(row.table, row.key);
    if (!row.value || !found) return !row.value && !found;
    return found->front() == row.value->words().front();
  });
}

// Writes one row again and again. Pages that it frees cannot be used again under a snapshot. When
// it returns nothing is being written any more: the file has its size.
void churn_until_grown(LoadedHost& platform, std::uint64_t file_bytes) {
  RowOp row{tables::dead_letters.id, KeyWriter().u64(3).key(), std::nullopt};
  for (std::uint64_t i = 1; platform.host().stats().shard_stores[0].file_bytes < file_bytes; ++i) {
    row.value = Bytes(std::vector<std::uint64_t>(10'000, i));
    commit(platform, row);
  }
  row.value.reset();
  commit(platform, row);
}

std::string texts_of(const Findings& findings) {
  std::string texts;
  for (const auto& [where, what] : findings.kept()) texts += where + ": " + what + "\n";
  return texts;
}

bool has_running_task(Host& host) {
  bool found = false;
  host.snapshot()->scan(tables::task_state.id, "", [&found](std::string_view, WordSpan words) {
    Stored<schema::TaskRow> row(words);
    const auto runs = row.get().getRuns();
    found = runs.size() > 0 && runs[runs.size() - 1].getState() == schema::TaskState::RUNNING;
    return !found;
  });
  return found;
}

void check_gave_up(const Status& outcome) {
  REQUIRE_FALSE(outcome.ok());
  CAPTURE(outcome.error().detail);
  CHECK(outcome.error().code == Errc::busy);
  CHECK_THAT(outcome.error().detail,
             Catch::Contains("80% full") && Catch::Contains("raise store.map_size"));
}

}  // namespace

TEST_CASE("a backup under load holds all that was acknowledged before it", "[backup]") {
  LoadedHost platform({.shards = 3});
  platform.begin_load();
  const auto before = platform.wait_for(400);
  // Claims follow creations at some distance.
  platform.wait_until([&] { return has_running_task(platform.host()); });
  constexpr std::uint64_t rate = 2ULL << 20;
  const Duration begun = elapsed_now();  // the pace counts from its construction
  BackupPace pace(rate, watch_room(platform.host()));
  require_ok(run_backup(platform.source(), {platform.out(), true, test::start}, pace));
  const Duration took = elapsed_now() - begun;
  // Work went on meanwhile, and the copy was no faster than it was told.
  platform.wait_for(before.size() + 1);
  CHECK(took.count() + 1 >= static_cast<std::int64_t>(pace.totals().row_bytes * 1'000 / rate));
  platform.end_load();

  Findings findings;
  const auto restored = run_restore(platform.out(), platform.elsewhere(), test::start, findings);
  require_ok(restored);
  CHECK(restored.value().voided > 0);
  const auto shards = open_shards(platform.elsewhere());
  require_ok(shards);
  require_ok(
      check_data(shards.value(), platform.elsewhere(), BlobCheck::bytes, test::start, findings));
  CHECK(texts_of(findings) == "");
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
      churn_until_grown(platform, small_map / 10 * 9);
      return snapshots;
    };
    check_gave_up(run_backup(source, options, pace));
    CHECK(share_used(platform) < 0.5);
    CHECK_FALSE(std::filesystem::exists(platform.out()));
    // Room again, once the snapshot is gone.
    BackupPace next(0, watch_room(platform.host()));
    require_ok(run_backup(platform.source(), options, next));
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
    require_ok(run_backup(platform.source(), options, pace));
    const auto names = names_in(platform.out());
    CHECK_FALSE(stop_and_run().ok());
    CHECK(names_in(platform.out()) == names);
    Findings findings;
    require_ok(run_restore(platform.out(), platform.elsewhere(), test::start, findings));
  }
}

}  // namespace troupe::server
