// Batches as byte strings.
#include "runtime/store/batch.h"

#include "runtime/store/key.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

RowOp any_row() {
  RowOp row{
      {*rc::gen::arbitrary<std::uint16_t>()}, key_of(*rc::gen::arbitrary<std::uint64_t>()), {}};
  if (*rc::gen::arbitrary<bool>()) {
    row.value = Bytes(*rc::gen::arbitrary<std::vector<std::uint64_t>>());
  }
  return row;
}

bool same(const RowOp& a, const RowOp& b) {
  if (a.table != b.table || a.key != b.key || a.value.has_value() != b.value.has_value()) {
    return false;
  }
  return !a.value || std::ranges::equal(a.value->words(), b.value->words());
}

std::unique_ptr<Store> open_in(const TempFolder& folder) {
  auto store = Store::open(options_in(folder));
  REQUIRE(store.ok());
  return std::move(store).value();
}

}  // namespace

TEST_CASE("a batch says what it was made of", "[batch]") {
  rc::prop("for any rows and state", [] {
    std::vector<RowOp> rows;
    const int count = *rc::gen::inRange(0, 20);
    for (int i = 0; i < count; ++i) rows.push_back(any_row());
    const StoreState state{.batch = *rc::gen::arbitrary<std::uint64_t>(),
                           .sequence = *rc::gen::arbitrary<std::uint64_t>(),
                           .last_event = *rc::gen::arbitrary<std::uint64_t>(),
                           .numbers_reserved = *rc::gen::arbitrary<std::uint64_t>()};
    const auto shard = *rc::gen::arbitrary<std::uint32_t>();

    const Bytes batch = encode_batch(rows, state, shard);
    const auto head = read_batch_head(batch);
    RC_ASSERT(head.ok());
    RC_ASSERT(head.value().format == format_version);
    RC_ASSERT(head.value().shard == shard);
    RC_ASSERT(head.value().state == state);
    RC_ASSERT(head.value().rows == rows.size());
    const auto decoded = decode_batch_rows(batch);
    RC_ASSERT(decoded.ok());
    RC_ASSERT(std::ranges::equal(decoded.value(), rows, same));
  });
}

TEST_CASE("a batch that was cut or changed is refused or read, never more", "[batch]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  const Bytes batch = encode_batch(
      {{things.id, key_of(1), word(1)}, {things.id, key_of(2), std::nullopt}}, {.batch = 1}, 0);
  const std::vector<std::uint64_t> words(batch.words().begin(), batch.words().end());
  for (std::size_t size = 0; size < words.size(); ++size) {
    const Bytes cut(
        std::vector<std::uint64_t>(words.begin(), words.begin() + static_cast<long>(size)));
    CHECK(store->apply(cut).error().code == Errc::corrupt);
  }
  rc::prop("with any bit turned", [&] {
    auto changed = words;
    const auto at = *rc::gen::inRange<std::size_t>(0, words.size());
    changed[at] ^= 1ULL << *rc::gen::inRange(0, 64);
    const auto applied = store->apply(Bytes(changed));
    const bool refused = !applied.ok() && (applied.error().code == Errc::corrupt ||
                                           applied.error().code == Errc::invalid);
    RC_ASSERT(applied.ok() || refused);
  });
}

TEST_CASE("a batch that is not for this store changes nothing", "[batch]") {
  const TempFolder folder;
  const auto store = open_in(folder);
  const auto refused = [&store](const Bytes& batch) {
    const auto applied = store->apply(batch);
    REQUIRE_FALSE(applied.ok());
    CHECK(store->snapshot()->state().batch == 0);
    CHECK(store->snapshot()->count(things.id) == 0);
    return applied.error();
  };
  const RowOp good{things.id, key_of(1), word(1)};
  SECTION("of another shard") {
    const auto error = refused(encode_batch({good}, {.batch = 1}, 3));
    CHECK(error.code == Errc::invalid);
    CHECK_THAT(error.detail, Catch::Contains("shard 3") && Catch::Contains("shard 0"));
  }
  SECTION("with a table that is not there") {
    const auto error = refused(encode_batch({good, {{77}, key_of(1), word(1)}}, {.batch = 1}, 0));
    CHECK(error.code == Errc::invalid);
    CHECK_THAT(error.detail, Catch::Contains("table 77"));
  }
  SECTION("with one of the store's own tables") {
    const auto table = GENERATE(tables::meta.id, tables::parts.id);
    const auto error = refused(encode_batch({good, {table, key_of(1), word(1)}}, {.batch = 1}, 0));
    CHECK(error.code == Errc::invalid);
  }
}

TEST_CASE("keys have 8 to 504 bytes", "[batch]") {
  const auto encoded = [](std::size_t bytes) {
    return encode_batch({{things.id, std::string(bytes, 'k'), word(1)}}, {}, 0);
  };
  CHECK_NOTHROW(encoded(8));
  CHECK_NOTHROW(encoded(504));
  for (const std::size_t bytes : {0U, 7U, 12U, 512U}) {
    CHECK_THROWS_AS(encoded(bytes), AssertionError);
  }
  const std::string text(5'000, 't');
  CHECK(KeyWriter().u64(1).u16(2).text(text).key().size() <= key_bytes_max);
  CHECK_THROWS_WITH(KeyWriter().text(text).text(text).key(), Catch::Contains("504"));
}
