#include "runtime/actor/recovery.h"

#include "runtime/actor/envelope.h"
#include "runtime/store/committer.h"
#include "tests/runtime/actor/toy.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

Committer::Hooks no_hooks() {
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  return hooks;
}

struct Bench {
  TempFolder folder;
  std::unique_ptr<Store> store;
  std::unique_ptr<Numbers> numbers;
  std::unique_ptr<Committer> committer;

  Bench() { reopen(); }

  // The process ends and starts again.
  void reopen() {
    committer.reset();
    store.reset();
    auto opened = Store::open(options_in(folder));
    REQUIRE(opened.ok());
    store = std::move(opened).value();
    numbers = std::make_unique<Numbers>(store->snapshot()->state().numbers_reserved);
    committer = std::make_unique<Committer>(*store, *numbers, no_hooks());
  }
  void send(std::uint64_t number, const std::string& text) {
    Commit commit;
    commit.inbox_puts.push_back(
        {number, [text] { return encode_envelope(toy("from"), toy("to"), 0, line(text)); }});
    committer->enqueue(std::move(commit));
    committer->flush();
  }
  void handled(std::uint64_t number) {
    Commit commit;
    commit.inbox_deletes.push_back(number);
    committer->enqueue(std::move(commit));
    committer->flush();
  }
  std::vector<Delivery> recover() { return recover_inboxes(*store); }
  std::uint64_t count(const TableSpec& table) { return store->snapshot()->count(table.id); }
};

}  // namespace

TEST_CASE("an envelope reads as it was written", "[recovery]") {
  const auto row = encode_envelope(toy("from"), toy("to"), 2, line("add 1"));
  const auto read = decode_envelope(9, row.words());
  CHECK(read.number == 9);
  CHECK(read.to == toy("to"));
  CHECK(read.message.from == toy("from"));
  CHECK(read.message.source == Message::Source::actor);
  CHECK(read.attempts == 2);
  CHECK(line_of(read.message.body) == "add 1");
}

TEST_CASE("recovery of empty inboxes writes nothing", "[recovery]") {
  Bench bench;
  const auto before = bench.store->snapshot()->state().batch;
  CHECK(bench.recover().empty());
  CHECK(bench.store->snapshot()->state().batch == before);
}

TEST_CASE("messages that were not handled are delivered again in their order", "[recovery]") {
  Bench bench;
  bench.send(300, "c");
  bench.send(5, "a");
  bench.send(70, "b");
  bench.send(71, "gone");
  bench.handled(71);
  bench.reopen();
  const auto found = bench.recover();
  REQUIRE(found.size() == 3);
  CHECK(line_of(found[0].message.body) == "a");
  CHECK(line_of(found[1].message.body) == "b");
  CHECK(line_of(found[2].message.body) == "c");
  CHECK(found[0].number == 5);
  CHECK(found[0].attempts == 0);
  CHECK(bench.count(tables::inbox) == 3);
}

TEST_CASE("a message that waits through many crashes is delivered after each", "[recovery]") {
  Bench bench;
  bench.send(5, "patient");
  for (int crash = 0; crash < 5; ++crash) {
    bench.reopen();
    const auto found = bench.recover();
    REQUIRE(found.size() == 1);
    CHECK(found[0].attempts == 0);
  }
  CHECK(bench.count(tables::dead_letters) == 0);
  CHECK(bench.count(tables::inbox) == 1);
}
