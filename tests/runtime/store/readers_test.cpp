// Who reads keeps freed pages from reuse: it is bounded how long, also for processes that died.
#include "runtime/clock/clock.h"
#include "runtime/store/key.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

using namespace troupe;
using namespace troupe::test;

namespace {

std::unique_ptr<Store> opened(const StoreOptions& options) {
  auto store = Store::open(options);
  REQUIRE(store.ok());
  return std::move(store).value();
}

/// Writes one row of 1 MiB anew, `times` over: each frees the pages of the one before it.
void churn(Store& store, int times) {
  for (int i = 0; i < times; ++i) {
    const Bytes value(std::vector<std::uint64_t>((1 << 20) / 8, static_cast<std::uint64_t>(i)));
    REQUIRE(write_rows(store, {{things.id, KeyWriter().u64(1).key(), value}}).ok());
  }
}

enum class Holds { snapshot, nothing };

/// A process that has the store open until it is killed.
class OtherProcess {
 public:
  OtherProcess(const StoreOptions& options, Holds holds) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) hold(options, holds, ready[1]);
    close(ready[1]);
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
  }
  ~OtherProcess() { kill_hard(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  void kill_hard() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = 0;
  }

 private:
  [[noreturn]] static void hold(const StoreOptions& options, Holds holds, int ready) {
    auto store = Store::open(options);
    if (!store.ok()) _exit(1);
    const auto held = holds == Holds::snapshot ? store.value()->snapshot() : nullptr;
    if (write(ready, "x", 1) != 1) _exit(1);
    for (;;) pause();
  }

  pid_t child_ = 0;
};

}  // namespace

TEST_CASE("a snapshot that is held beyond its bound reads no more", "[readers]") {
  const TempFolder folder;
  ManualClock clock;
  StoreOptions options = options_in(folder);
  options.clock = &clock;
  const auto store = opened(options);
  const std::string one = KeyWriter().u64(1).key();
  const std::string two = KeyWriter().u64(2).key();
  REQUIRE(write_rows(*store, {{things.id, one, word(1)}, {things.id, two, word(2)}}).ok());

  const auto backup = store->snapshot(SnapshotUse::backup);
  auto held = store->snapshot();
  clock.advance(options.reader_age_max);
  store->maintain();
  CHECK(held->count(things.id) == 2);  // not beyond it yet

  int seen = 0;
  const auto slow_scan = [&] {
    held->scan(things.id, {}, [&](std::string_view, WordSpan) {
      seen += 1;
      clock.advance(Duration{1});
      store->maintain();
      return true;
    });
  };
  CHECK_THROWS_AS(slow_scan(), SnapshotExpired);
  CHECK(seen == 1);
  CHECK_THROWS_AS(held->get(things.id, one), SnapshotExpired);
  CHECK_THROWS_AS(held->count(things.id), SnapshotExpired);
  CHECK_THROWS_AS(held->last_key_before(things.id, two), SnapshotExpired);
  CHECK_THROWS_AS(held->state(), SnapshotExpired);
  CHECK_THROWS_WITH(held->get(things.id, one),
                    Catch::Contains("held for too long") && Catch::Contains(folder.path()));

  // The long reader is exempt, and so is whoever reads next with what this one gave back.
  CHECK(all_rows(*backup, things.id).size() == 2);
  held.reset();
  CHECK(all_rows(*store->snapshot(), things.id).size() == 2);
}

TEST_CASE("the slot of a reader that was killed is freed by maintain", "[readers]") {
  const TempFolder folder;
  const StoreOptions options = options_in(folder);
  OtherProcess other(
      options, Holds::snapshot);  // before this process has it open: LMDB is not for forked ones
  const auto store = opened(options);
  churn(*store, 4);
  const auto lively = store->use().file_bytes;
  churn(*store, 8);
  const auto pinned = store->use().file_bytes;
  CHECK(pinned >= lively + (7 << 20));  // its pages cannot be used again

  other.kill_hard();
  churn(*store, 8);
  const auto stale = store->use().file_bytes;
  CHECK(stale >= pinned + (7 << 20));  // nobody has looked yet

  store->maintain();
  churn(*store, 64);
  CHECK(store->use().file_bytes <= stale + (2 << 20));
}

TEST_CASE("the slot of a reader that was killed is freed at open", "[readers]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  opened(options).reset();
  // As long as anybody has it open, LMDB does not make the lock file anew.
  const OtherProcess living(options, Holds::nothing);
  OtherProcess(options, Holds::snapshot).kill_hard();
  const auto store = opened(options);
  churn(*store, 8);
  const auto before = store->use().file_bytes;
  churn(*store, 64);
  CHECK(store->use().file_bytes <= before + (2 << 20));
}
