// What the committer does when the disk is full, or broken.
#include "runtime/store/committer.h"
#include "runtime/store/key.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>

#include <functional>
#include <stdexcept>

using namespace troupe;
using namespace troupe::test;

namespace {

const Error disk_full{Errc::busy, "no space left"};
const Error disk_broken{Errc::unavailable, "fsync failed"};

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

Commit row(std::uint64_t key, Signal& left) {
  Commit commit;
  commit.rows.push_back({things.id, key_of(key), word(key)});
  commit.outputs.push_back([&left] { left.raise(); });
  return commit;
}

// How a process ends, as waitpid says, whose disk breaks while its committer runs. It is a child:
// what ends it, `fatal` or its return, does so on the committer's thread.
int status_of_child(const std::function<void(const std::string& why, const Signal& left)>& fatal) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    MemoryStore store;
    Numbers numbers(0);
    Signal left;
    Committer::Hooks hooks;
    hooks.fatal = [&fatal, &left](const std::string& why) { fatal(why, left); };
    Committer committer(store, numbers, hooks);
    store.fail_with(disk_broken);
    committer.enqueue(row(1, left));
    left.wait();
    _exit(44);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("a full disk stalls the committer, and nothing is lost or leaves", "[committer]") {
  MemoryStore store;
  Numbers numbers(0);
  Signal stalled;
  Signal left;
  std::string why;
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  hooks.stalled = [&stalled, &why](const std::string& reason) {
    why = reason;
    stalled.raise();
  };
  Committer committer(store, numbers, hooks);
  const auto attempts = store.attempts();
  store.fail_with(disk_full);
  committer.enqueue(row(1, left));
  stalled.wait();
  store.wait_for_attempts(attempts + 2);  // so it tried again
  committer.enqueue(row(2, left));
  CHECK(committer.stats().stalled);
  CHECK(committer.stats().waiting == 1);
  CHECK(committer.durable() == 0);
  CHECK(left.count() == 0);
  CHECK(why.find("no space left") != std::string::npos);

  store.fail_with(std::nullopt);
  committer.flush();
  left.wait(2);
  CHECK_FALSE(committer.stats().stalled);
  CHECK(stalled.count() == 1);  // said once, not at each try
  CHECK(committer.durable() == 2);
  const auto rows = all_rows(*store.snapshot(), things.id);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].second == 1);
  CHECK(rows[1].second == 2);
}

TEST_CASE("a batch that is tried again keeps its event numbers", "[committer]") {
  MemoryStore store;
  Numbers numbers(0);
  Signal stalled;
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  hooks.stalled = [&stalled](const std::string&) { stalled.raise(); };
  Committer committer(store, numbers, hooks);
  store.fail_with(disk_full);
  Commit commit;
  commit.events = {word(1), word(2)};
  committer.enqueue(std::move(commit));
  stalled.wait();
  CHECK(committer.last_event() == 0);
  store.fail_with(std::nullopt);
  committer.flush();
  CHECK(committer.last_event() == 2);
  const auto rows = all_rows(*store.snapshot(), tables::events.id);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].first == key_of(2));
}

TEST_CASE("the real store's limit stalls too", "[committer]") {
  const TempFolder folder;
  StoreOptions options = options_in(folder);
  options.use_bytes_max = 200 * 1024;
  std::uint64_t kept = 0;
  auto opened = Store::open(options);
  REQUIRE(opened.ok());
  const auto store = std::move(opened).value();
  // A reader keeps freed pages from reuse, so that in the end not even a batch without rows fits.
  const auto reader = store->snapshot();
  while (write_rows(*store, {{others.id, key_of(++kept), Bytes(std::vector<std::uint64_t>(1'024))}})
             .ok()) {
  }
  while (write_rows(*store, {}).ok()) {
  }
  Numbers numbers(0);
  Committer::Hooks hooks;
  hooks.stalled = [](const std::string& why) { throw std::runtime_error(why); };
  CHECK_THROWS_WITH(Committer(*store, numbers, hooks), Catch::Contains("store.map_size"));
}

TEST_CASE("a disk that cannot be trusted is fatal", "[committer]") {
  SECTION("at the start") {
    MemoryStore store;
    Numbers numbers(0);
    Committer::Hooks hooks;
    hooks.fatal = [](const std::string& why) { throw std::runtime_error(why); };
    store.fail_with(disk_broken);
    CHECK_THROWS_WITH(Committer(store, numbers, hooks), Catch::Contains("fsync failed"));
    CHECK(store.attempts() == 1);
  }
  SECTION("later, and nothing leaves") {
    const int status = status_of_child([](const std::string& why, const Signal& left) {
      const bool said = why.find("fsync failed") != std::string::npos;
      _exit(said && left.count() == 0 ? 42 : 43);
    });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 42);
  }
  SECTION("even if the hook comes back") {
    const int status = status_of_child([](const std::string&, const Signal&) {});
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
  }
}
