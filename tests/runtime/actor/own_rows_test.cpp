// An actor's own rows: what it reads is what it wrote, wherever its changes are on their way to
// disk.
#include "runtime/actor/own_rows.h"

#include "runtime/store/key.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <map>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::uint64_t self = 7;

Committer::Hooks no_hooks() {
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  return hooks;
}

// A key as rows hand it out: padded so that it ends with the whole key's padding.
std::string padded(std::string key) {
  key.resize((key.size() + 7) / 8 * 8, '\0');
  return key;
}

struct Bench {
  MemoryStore store;
  Numbers numbers{0};
  Committer committer{store, numbers, no_hooks()};
  OwnRows rows{store, committer};

  Bench() { rows.set_number(self); }
  ~Bench() { store.release(); }

  void change(TableId table, const std::string& key, std::optional<Bytes> value) {
    const std::string full = rows.full_key(key);
    Commit commit;
    commit.rows.push_back({table, full, value});
    const auto sequence = committer.enqueue(std::move(commit));
    rows.remember({table, full, std::move(value)}, sequence);
  }
  // A row of another actor, on disk.
  void change_of(std::uint64_t number, const std::string& key, std::uint64_t value) {
    Commit commit;
    commit.rows.push_back({things.id, padded(KeyWriter().u64(number).prefix() + key), word(value)});
    committer.enqueue(std::move(commit));
    committer.flush();
  }
  std::vector<std::pair<std::string, std::uint64_t>> scan(const std::string& prefix,
                                                          const std::string& after,
                                                          std::size_t limit) const {
    std::vector<std::pair<std::string, std::uint64_t>> found;
    for (const auto& row : rows.scan(things.id, prefix, after, limit)) {
      found.emplace_back(row.key, number_in(row.value));
    }
    return found;
  }
};

using Pairs = std::vector<std::pair<std::string, std::uint64_t>>;
using Model = std::map<std::string, std::uint64_t>;

Pairs model_scan(const Model& model,
                 const std::string& prefix,
                 const std::string& after,
                 std::size_t limit) {
  Pairs found;
  for (const auto& [key, value] : model) {
    if (found.size() == limit) break;
    if (key.starts_with(prefix) && (after.empty() || key > padded(after))) {
      found.emplace_back(key, value);
    }
  }
  return found;
}

// Few enough keys that changes meet; of several lengths, and some the beginning of others.
std::string any_key() {
  const std::string first(1, *rc::gen::element('a', 'b', 'c'));
  const std::string rest(static_cast<std::size_t>(*rc::gen::element(0, 1, 7, 8)), 'x');
  return first + rest + *rc::gen::element<std::string>("", "p", "q");
}

// One random step: a change, a message's end, or the disk's progress.
void step(Bench& bench, Model& model, bool& held, std::uint64_t& value) {
  switch (*rc::gen::inRange(0, 8)) {
    case 0:
    case 1:
    case 2: {
      const auto key = any_key();
      bench.change(things.id, key, word(++value));
      model[padded(key)] = value;
      break;
    }
    case 3:
    case 4: {
      const auto key = any_key();
      bench.change(things.id, key, std::nullopt);
      model.erase(padded(key));
      break;
    }
    case 5: bench.rows.settle(); break;
    case 6:
      if (held) bench.store.release();
      held = false;
      bench.committer.flush();
      break;
    default:
      bench.store.hold();
      held = true;
      break;
  }
}

}  // namespace

TEST_CASE("own rows are what a map would hold", "[own_rows]") {
  rc::prop("whatever is on disk, under way, or deleted", [] {
    Bench bench;
    Model model;
    bool held = false;
    std::uint64_t value = 0;
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
      step(bench, model, held, value);
      const auto key = any_key();
      const auto got = bench.rows.get(things.id, key);
      const auto expected = model.find(padded(key));
      RC_ASSERT(got.has_value() == (expected != model.end()));
      if (got) RC_ASSERT(number_in(*got) == expected->second);

      RC_ASSERT(bench.scan("", "", 1'000) == Pairs(model.begin(), model.end()));
      const auto prefix = *rc::gen::element<std::string>("", "a", "b", "axxxxxxx", "c");
      const auto limit = static_cast<std::size_t>(*rc::gen::inRange(0, 5));
      // From behind a row that the prefix covers, whether it is still there or not.
      auto after = *rc::gen::element<std::string>("", "x", "xxxxxxxxp", "xxxxxxxxxxxx");
      if (!after.empty() && prefix.empty()) after = "b" + after;
      if (!after.empty()) after = prefix + after;
      RC_ASSERT(bench.scan(prefix, after, limit) == model_scan(model, prefix, after, limit));
    }
  });
}

TEST_CASE("a scan goes on from where the last one ended", "[own_rows]") {
  Bench bench;
  Model model;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const auto key = KeyWriter().u8(1).u64(i).prefix();
    bench.change(things.id, key, word(i));
    model[padded(key)] = i;
    if (i == 20) {
      bench.committer.flush();
      bench.rows.settle();
    }
    if (i == 30) bench.store.hold();
  }
  for (std::uint64_t i = 0; i < 50; i += 3) {
    const auto key = KeyWriter().u8(1).u64(i).prefix();
    bench.change(things.id, key, std::nullopt);
    model.erase(padded(key));
  }
  Pairs all;
  std::string after;
  for (;;) {
    const auto slice = bench.scan(KeyWriter().u8(1).prefix(), after, 7);
    if (slice.empty()) break;
    CHECK(slice.size() <= 7);
    all.insert(all.end(), slice.begin(), slice.end());
    after = slice.back().first;
  }
  CHECK(all == Pairs(model.begin(), model.end()));
}

TEST_CASE("a scan from before its prefix begins with the prefix", "[own_rows]") {
  Bench bench;
  bench.change(things.id, "a", word(1));
  bench.change(things.id, "b1", word(2));
  bench.change(things.id, "b2", word(3));
  const Pairs expected = {{padded("b1"), 2}, {padded("b2"), 3}};
  SECTION("while the rows are under way") {
    CHECK(bench.scan("b", "a", 9) == expected);
  }
  SECTION("and once they are on disk") {
    bench.committer.flush();
    bench.rows.settle();
    CHECK(bench.scan("b", "a", 9) == expected);
  }
}

TEST_CASE("a scan from before its prefix includes the row that is the prefix", "[own_rows]") {
  Bench bench;
  const std::string prefix = "bbbbbbbb";  // its key needs no padding
  bench.change(things.id, prefix, word(1));
  CHECK(bench.scan(prefix, "a", 9) == Pairs{{prefix, 1}});
  CHECK(bench.scan(prefix, prefix, 9).empty());
}

TEST_CASE("rows of other actors and other tables are not seen", "[own_rows]") {
  Bench bench;
  bench.change_of(self - 1, "a", 1);
  bench.change_of(self + 1, "a", 2);
  bench.change(others.id, "a", word(3));
  CHECK_FALSE(bench.rows.get(things.id, "a").has_value());
  CHECK(bench.scan("", "", 10).empty());
  bench.change(things.id, "a", word(4));
  CHECK(bench.scan("", "", 10) == Pairs{{padded("a"), 4}});
  CHECK(number_in(*bench.rows.get(others.id, "a")) == 3);
}

TEST_CASE("an actor without a number has no rows", "[own_rows]") {
  Bench bench;
  bench.change_of(0, "a", 1);
  bench.rows.set_number(0);
  CHECK_FALSE(bench.rows.get(things.id, "a").has_value());
  CHECK(bench.scan("", "", 10).empty());
}

TEST_CASE("one message sees one moment of the disk", "[own_rows]") {
  Bench bench;
  CHECK_FALSE(bench.rows.get(things.id, "a").has_value());
  bench.change_of(self, "a", 1);
  CHECK_FALSE(bench.rows.get(things.id, "a").has_value());
  bench.rows.settle();
  CHECK(number_in(*bench.rows.get(things.id, "a")) == 1);
}

TEST_CASE("a key that is too long is a bug", "[own_rows]") {
  Bench bench;
  CHECK(bench.rows.full_key(std::string(496, 'x')).size() == 504);
  CHECK_THROWS_AS(bench.rows.full_key(std::string(497, 'x')), AssertionError);
}
