// Values over 16,000 bytes are kept in parts (invariant 10), and nobody notices.
#include "runtime/store/split_value.h"

#include "runtime/store/key.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <map>

using namespace troupe;
using namespace troupe::test;

namespace {

using Words = std::vector<std::uint64_t>;
using Model = std::map<std::string, Words>;

constexpr std::uint64_t like_a_marker = 0x12345678ffffffff;

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

Words counting(std::size_t size, std::uint64_t first) {
  Words words(size);
  for (std::size_t i = 0; i < size; ++i) words[i] = first + i;
  return words;
}

std::uint64_t parts_of(const Model& model) {
  std::uint64_t parts = 0;
  for (const auto& [key, words] : model) {
    if (needs_split(words)) parts += SplitValue{0, words.size()}.parts();
  }
  return parts;
}

bool holds(const Snapshot& view, TableId table, const Model& model) {
  auto expected = model.begin();
  bool same = true;
  view.scan(table, {}, [&](std::string_view key, WordSpan value) {
    same = expected != model.end() && key == expected->first &&
           std::ranges::equal(value, expected->second) &&
           reinterpret_cast<std::uintptr_t>(value.data()) % 8 == 0;
    if (same) ++expected;
    return same;
  });
  if (!same || expected != model.end() || view.count(table) != model.size()) return false;
  for (const auto& [key, words] : model) {
    const auto value = view.get(table, key);
    if (!value || !std::ranges::equal(*value, words)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a value's size decides whether it is split", "[split]") {
  CHECK_FALSE(needs_split({}));
  CHECK_FALSE(needs_split(Words(2'000)));
  CHECK(needs_split(Words(2'001)));
  CHECK(needs_split(Words{like_a_marker}));
  const auto row = encode_split({7, 4'001});
  REQUIRE(is_split(row));
  CHECK(decode_split(row)->id == 7);
  CHECK(decode_split(row)->size_words == 4'001);
  CHECK(decode_split(row)->parts() == 3);
  CHECK_FALSE(decode_split(Words{like_a_marker, 7, 8}).has_value());
  CHECK_FALSE(decode_split(Words{0xffffffff, 7, 9}).has_value());
  CHECK_FALSE(decode_split(Words{0xffffffff, 7}).has_value());
}

TEST_CASE("values of any size are kept whole, and nothing of them stays behind", "[split]") {
  const TempFolder folder;
  auto opened = Store::open(options_in(folder));
  REQUIRE(opened.ok());
  const auto store = std::move(opened).value();
  std::map<TableId, Model> models;
  std::uint64_t first = 1;
  rc::prop("after any changes", [&] {
    std::map<std::pair<TableId, std::string>, std::optional<Bytes>> changes;
    const int count = *rc::gen::inRange(1, 12);
    for (int i = 0; i < count; ++i) {
      const TableId table = *rc::gen::element(things.id, others.id);
      const std::string key = key_of(*rc::gen::inRange<std::uint64_t>(0, 12));
      if (*rc::gen::inRange(0, 3) == 0) {
        changes[{table, key}] = std::nullopt;
        models[table].erase(key);
        continue;
      }
      Words words = counting(*rc::gen::element<std::size_t>(0, 1, 100, 1'999, 2'000, 2'001, 3'999,
                                                            4'000, 4'001, 30'000),
                             first += 100'000);
      if (!words.empty() && *rc::gen::inRange(0, 6) == 0) words[0] = like_a_marker;
      changes[{table, key}] = Bytes(words);
      models[table][key] = words;
    }
    std::vector<RowOp> rows;
    for (auto& [place, value] : changes) rows.push_back({place.first, place.second, value});
    RC_ASSERT(write_rows(*store, rows).ok());
    const auto view = store->snapshot();
    RC_ASSERT(holds(*view, things.id, models[things.id]));
    RC_ASSERT(holds(*view, others.id, models[others.id]));
    RC_ASSERT(view->count(tables::parts.id) ==
              parts_of(models[things.id]) + parts_of(models[others.id]));
  });
}

TEST_CASE("a split value that was read stays as long as its snapshot", "[split]") {
  const TempFolder folder;
  auto opened = Store::open(options_in(folder));
  REQUIRE(opened.ok());
  const auto store = std::move(opened).value();
  const Words long_ago = counting(9'000, 1);
  REQUIRE(write_rows(*store, {{things.id, key_of(1), Bytes(long_ago)},
                              {things.id, key_of(2), Bytes(counting(9'000, 2))}})
              .ok());
  const auto view = store->snapshot();
  const auto value = view->get(things.id, key_of(1));
  CHECK(view->get(things.id, key_of(2)).has_value());
  CHECK(view->get(things.id, key_of(1))->data() == value->data());
  REQUIRE(write_rows(*store, {{things.id, key_of(1), std::nullopt}}).ok());
  CHECK(std::ranges::equal(*value, long_ago));
}
