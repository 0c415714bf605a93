// Several shards in one host: channels between them, and admission by credit.
#include "runtime/store/shards.h"

#include "runtime/actor/envelope.h"
#include "runtime/actor/shard_place.h"
#include "runtime/store/key.h"
#include "tests/runtime/actor/host_support.h"

#include <algorithm>
#include <set>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::uint32_t three = 3;

std::string target(int i) {
  return "target " + std::to_string(i);
}

// The word behind "note" in the lines that `actor` saw, in order.
std::vector<int> notes_of(const ToyHost& toys, const std::string& actor) {
  std::vector<int> notes;
  const std::string start = actor + ": note ";
  for (const auto& line : toys.world.lines()) {
    if (line.starts_with(start)) notes.push_back(std::stoi(line.substr(start.size())));
  }
  return notes;
}

std::uint64_t outbox_rows(ToyHost& toys) {
  std::uint64_t rows = 0;
  for (std::uint32_t i = 0; i < toys.host->shards(); ++i) {
    rows += toys.host->shard_snapshot(i)->count(tables::outbox.id);
  }
  return rows;
}

}  // namespace

TEST_CASE("actors spread over the shards, always the same way", "[shards]") {
  std::set<std::uint32_t> used;
  for (int i = 0; i < 100; ++i) used.insert(shard_of(toy(target(i)), three));
  CHECK(used.size() == three);
  // On disk for ever.
  CHECK(shard_of(toy("a"), three) == 2);
  CHECK(shard_of(toy("b"), three) == 2);
  CHECK(shard_of(toy("a"), 1) == 0);
}

TEST_CASE("messages between shards are handled once and in order, restarts included", "[shards]") {
  ToyHost toys(three);
  constexpr int targets = 8;
  constexpr int rounds = 90;
  for (int round = 1; round <= rounds; ++round) {
    for (int i = 0; i < targets; ++i) {
      const std::string key = "send_to_" + std::to_string(i);  // wherever that one lives
      toys.ask("source", "send " + key + " note " + std::to_string(round));
      toys.ask("source", "send " + key + " add 1");
    }
    if (round % 30 == 0) toys.restart();
  }
  for (int i = 0; i < targets; ++i) {
    const std::string key = "send_to_" + std::to_string(i);
    while (toys.ask(key, "get") != std::to_string(rounds)) {
    }
    const auto notes = notes_of(toys, key);
    CHECK(std::ranges::is_sorted(notes));
    CHECK(notes.back() == rounds);
  }
  CHECK(toys.host->stats().dead_letters == 0);
}

TEST_CASE("what was acknowledged leaves the outbox", "[shards]") {
  ToyHost toys(three);
  for (int i = 0; i < 1'000; ++i) toys.ask("source", "send b add 1");
  while (toys.ask("b", "get") != "1000") {
  }
  // Deleted in slices.
  while (outbox_rows(toys) >= 64) toys.ask("source", "send b add 0");
  toys.restart();
  CHECK(toys.ask("b", "get") == "1000");
}

TEST_CASE("the shards' rows are read as one", "[shards]") {
  ToyHost toys(three);
  for (int i = 0; i < 50; ++i) toys.ask(target(i), "add " + std::to_string(i));
  const auto all = toys.host->snapshot();
  CHECK(all->count(things.id) == 50);
  std::vector<std::string> keys;
  std::uint64_t sum = 0;
  all->scan(things.id, {}, [&](std::string_view key, WordSpan value) {
    keys.emplace_back(key);
    sum += number_in(Bytes(value));
    CHECK(all->get(things.id, key).has_value());
    return true;
  });
  CHECK(keys.size() == 50);
  CHECK(std::ranges::is_sorted(keys));
  CHECK(sum == 49 * 50 / 2);
  CHECK(all->last_key_before(things.id, keys.back()) == keys[48]);
  for (int i = 0; i < 50; ++i) {
    const auto number = find_actor_number(*all, toy(target(i)));
    CHECK(shard_of_number(number, three) == shard_of(toy(target(i)), three));
  }
}

TEST_CASE("a directory keeps its number of shards", "[shards]") {
  const TempFolder folder;
  auto options = options_in(folder);
  REQUIRE(open_shards(options, 2).ok());
  const auto refused = open_shards(options, 3);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::conflict);
  CHECK_THAT(refused.error().detail, Catch::Contains("shard 0 of 2, not shard 0 of 3") &&
                                         Catch::Contains("set store.shards to 2"));
  CHECK_THAT(open_shards(options, 1).error().detail, Catch::Contains("set store.shards to 2"));
}

TEST_CASE("a shard that is missing is not made anew", "[shards]") {
  ToyHost toys(three);
  for (int i = 0; i < 20; ++i) toys.ask(target(i), "add 1");
  toys.stop();
  std::filesystem::remove_all(toys.store_options().directory + "/2");
  for (int i = 0; i < 2; ++i) {
    const auto refused = open_shards(toys.store_options(), three);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::corrupt);
    CHECK_THAT(refused.error().detail, Catch::Contains("/2 holds nothing"));
  }
}

TEST_CASE("without credit a command is refused, and what nobody waits for is taken", "[credits]") {
  ToyHost toys(1, 0);
  CHECK(toys.ask("a", "add 1") == "error: too much is under way: try again in a moment");
  toys.host->ask(toy("a"), line("add 2"), ReplyTo{}, Admission::work);
  toys.world.called.wait(1);
  CHECK(toys.host->stats().credits_refused == 1);
}

TEST_CASE("a credit comes back when all that it let in is on disk", "[credits]") {
  const auto shards = GENERATE(1U, three);
  ToyHost toys(shards, 200);
  for (int i = 0; i < 50; ++i) CHECK(toys.ask("a", "send b send c send d add 1") == "0");
  while (toys.host->stats().credits_in_use > 0) {
  }
  CHECK(toys.ask("d", "get") == "50");
}
