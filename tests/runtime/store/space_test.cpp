// The end of the map and of the disk, and the reserve before it (invariant 11); who reads.
#include "runtime/clock/clock.h"
#include "runtime/store/key.h"
#include "runtime/store/reserve_file.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <dlfcn.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

using namespace troupe;
using namespace troupe::test;

namespace {

// What the next writes or syncs of this process fail with; 0: they work. See below.
std::atomic<int> write_failure{0};
std::atomic<int> sync_failure{0};

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// LMDB calls these: a disk that is full or broken, as it would see it.
extern "C" ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (const int failure = write_failure) {
    errno = failure;
    return -1;
  }
  return next(fd, data, size, offset);
}
extern "C" ssize_t writev(int fd, const iovec* parts, int count) {
  static auto* const next = real<ssize_t(int, const iovec*, int)>("writev");
  if (const int failure = write_failure) {
    errno = failure;
    return -1;
  }
  return next(fd, parts, count);
}
extern "C" int fdatasync(int fd) {
  static auto* const next = real<int(int)>("fdatasync");
  if (const int failure = sync_failure) {
    errno = failure;
    return -1;
  }
  return next(fd);
}

namespace {

constexpr std::uint64_t mib = 1ULL << 20;

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

std::unique_ptr<Store> open_with(const StoreOptions& options) {
  auto store = Store::open(options);
  REQUIRE(store.ok());
  return std::move(store).value();
}

Bytes large() {
  return Bytes(std::vector<std::uint64_t>(2'048, 7));
}

// Puts rows until there is no room; answers how many are there, and the error.
std::pair<std::uint64_t, Error> fill(Store& store) {
  for (std::uint64_t number = 1;; ++number) {
    const auto put = write_rows(store, {{things.id, key_of(number), large()}}, {.batch = number});
    if (!put.ok()) return {number - 1, put.error()};
  }
}

struct Lines {
  std::mutex mutex;
  std::vector<std::string> events;

  StoreHooks hooks() {
    StoreHooks hooks;
    hooks.report = [this](const std::string& event, const std::string&) {
      const std::lock_guard lock(mutex);
      events.push_back(event);
    };
    return hooks;
  }
};

}  // namespace

TEST_CASE("a full map is busy, changes nothing, and takes deletes", "[space]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.use_bytes_max = 1 * mib;
  const auto store = open_with(options);
  CHECK(store->use().limit_bytes == mib);
  const auto [rows, error] = fill(*store);
  CHECK(error.code == Errc::busy);
  CHECK_THAT(error.detail, Catch::Contains("store.map_size"));
  CHECK(store->use().used_bytes > mib * 3 / 4);
  CHECK(store->use().used_bytes <= mib);
  CHECK(store->use().file_bytes <= mib);
  CHECK(store->snapshot()->state().batch == rows);
  CHECK(store->snapshot()->count(things.id) == rows);

  for (std::uint64_t number = 1; number <= rows; ++number) {
    REQUIRE(write_rows(*store, {{things.id, key_of(number), std::nullopt}}).ok());
  }
  CHECK(store->use().used_bytes < mib / 4);
  CHECK(fill(*store).first >= rows * 3 / 4);  // freed pages are used again, up to the limit
}

TEST_CASE("a map below what is in use is refused", "[space]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.use_bytes_max = 2 * mib;
  fill(*open_with(options));
  options.use_bytes_max = 1 * mib;
  const auto refused = Store::open(options);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::invalid);
  const auto in_use = std::filesystem::file_size(folder.path() + "/data.mdb");
  CHECK_THAT(refused.error().detail,
             Catch::Contains(std::to_string(1 * mib)) && Catch::Contains(std::to_string(in_use)));
  options.use_bytes_max = 4 * mib;
  CHECK(Store::open(options).ok());
}

TEST_CASE("a store is low when less than the reserve is left in its map", "[space]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.use_bytes_max = 4 * mib;
  options.reserve_bytes = 1 * mib;
  const auto store = open_with(options);
  std::uint64_t rows = 0;
  while (!store->use().low) {
    REQUIRE(write_rows(*store, {{things.id, key_of(++rows), large()}}).ok());
  }
  const auto use = store->use();
  CHECK(use.limit_bytes - use.used_bytes < 1 * mib);
  CHECK(use.limit_bytes - use.used_bytes > mib * 3 / 4);
  // Pages that were freed count as room, though the file does not shrink.
  for (std::uint64_t i = 1; i <= rows / 2; ++i) {
    REQUIRE(write_rows(*store, {{things.id, key_of(i), std::nullopt}}).ok());
  }
  CHECK_FALSE(store->use().low);
  CHECK(store->use().file_bytes >= use.file_bytes);
}

TEST_CASE("a store is low when the disk has less free than is kept for others", "[space]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  CHECK_FALSE(open_with(options)->use().low);
  options.disk_free_least = std::uint64_t{1} << 60;
  const auto store = open_with(options);
  CHECK(store->use().low);
  // It is not full: what goes on is written.
  CHECK(write_rows(*store, {{things.id, key_of(1), word(1)}}).ok());
}

TEST_CASE("the reserve is a file whose room is really taken", "[space]") {
  const TempFolder folder;
  const std::string path = folder.path() + "/reserve";
  struct stat info {};
  {
    ReserveFile reserve(path, 1 * mib);
    CHECK_FALSE(reserve.held());
    CHECK(reserve.make_if_room());
    CHECK_FALSE(reserve.make_if_room());
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK(static_cast<std::uint64_t>(info.st_blocks) * 512 >= 1 * mib);
  }
  CHECK(ReserveFile(path, 1 * mib).held());
  SECTION("given up once") {
    ReserveFile reserve(path, 1 * mib);
    CHECK(reserve.give_up());
    CHECK_FALSE(reserve.give_up());
    CHECK_FALSE(std::filesystem::exists(path));
  }
  SECTION("made again if a crash left it without its blocks") {
    std::filesystem::resize_file(path, 0);
    std::filesystem::resize_file(path, 1 * mib);
    ReserveFile reserve(path, 1 * mib);
    CHECK_FALSE(reserve.held());
    CHECK(reserve.make_if_room());
  }
  SECTION("not made without twice its size free") {
    ReserveFile reserve(path, disk_free_bytes(path));
    CHECK_FALSE(reserve.make_if_room());
    CHECK_FALSE(std::filesystem::exists(path));
  }
}

TEST_CASE("a full disk is busy, and the reserve is given up for it", "[space]") {
  const TempFolder folder;
  Lines lines;
  StoreOptions options = options_in(folder);
  options.sync = true;
  options.reserve_bytes = 1 * mib;
  options.hooks = lines.hooks();
  const auto store = open_with(options);
  CHECK(std::filesystem::exists(folder.path() + "/reserve"));
  const Bytes batch = encode_batch({{things.id, key_of(1), large()}}, {.batch = 1}, 0);

  auto& failure = GENERATE(true, false) ? write_failure : sync_failure;
  failure = GENERATE(ENOSPC, EDQUOT);
  const auto full = store->apply(batch);
  failure = 0;
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().code == Errc::busy);
  CHECK_THAT(full.error().detail, Catch::Contains("full") && Catch::Contains(folder.path()));
  CHECK_FALSE(std::filesystem::exists(folder.path() + "/reserve"));
  CHECK(store->snapshot()->state().batch == 0);

  CHECK(store->apply(batch).ok());
  CHECK(store->snapshot()->state().batch == 1);
  store->maintain();
  CHECK(std::filesystem::exists(folder.path() + "/reserve"));
  CHECK(lines.events ==
        std::vector<std::string>{"reserve_made", "reserve_given_up", "reserve_made"});
}

TEST_CASE("a disk that fails is not busy", "[space]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.sync = true;
  const auto store = open_with(options);
  auto& failure = GENERATE(true, false) ? write_failure : sync_failure;
  failure = EIO;
  const auto failed = write_rows(*store, {{things.id, key_of(1), large()}}, {.batch = 1});
  failure = 0;
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == Errc::unavailable);
  CHECK_THAT(failed.error().detail,
             Catch::Contains("Input/output error") && Catch::Contains(folder.path()));
}

TEST_CASE("readers are counted, and old ones reported once", "[space]") {
  const TempFolder folder;
  Lines lines;
  ManualClock clock;
  StoreOptions options = options_in(folder);
  options.clock = &clock;
  options.hooks = lines.hooks();
  const auto store = open_with(options);
  CHECK(store->use().readers == 0);
  CHECK(store->use().oldest_reader == Duration{0});

  const auto backup = store->snapshot(SnapshotUse::backup);
  clock.advance(Duration{40'000});
  auto query = store->snapshot();
  clock.advance(Duration{60'000});
  CHECK(store->use().readers == 2);
  CHECK(store->use().oldest_reader == Duration{100'000});
  store->maintain();
  CHECK(lines.events.empty());
  clock.advance(Duration{1});
  store->maintain();
  store->maintain();
  CHECK(lines.events == std::vector<std::string>{"snapshot_old"});
  query.reset();
  CHECK(store->use().readers == 1);
  CHECK(store->use().oldest_reader == Duration{100'001});
}

TEST_CASE("no more snapshots than there are slots", "[space]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.readers_max = 3;
  const auto store = open_with(options);
  std::vector<std::unique_ptr<Snapshot>> views;
  for (int i = 0; i < 3; ++i) views.push_back(store->snapshot());
  CHECK_THROWS_WITH(store->snapshot(), Catch::Contains("3 snapshots"));
  views.pop_back();
  CHECK_NOTHROW(store->snapshot());
}
