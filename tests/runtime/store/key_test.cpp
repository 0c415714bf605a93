// Laws of keys: their byte order is the order of their parts.
#include "runtime/store/key.h"

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <string>
#include <tuple>

using namespace troupe;

namespace {

// Bytes that sort at the ends and in the middle, but never 0.
std::string any_text(int size_max) {
  const int size = *rc::gen::inRange(0, size_max);
  std::string text;
  for (int i = 0; i < size; ++i) {
    text += *rc::gen::element('\x01', 'a', 'b', '~', '\x7f', '\x80', '\xff');
  }
  return text;
}

template <class Value>
int sign(const Value& a, const Value& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

}  // namespace

TEST_CASE("numbers in keys sort by value", "[key]") {
  CHECK(KeyWriter().u64(255).key() < KeyWriter().u64(256).key());
  CHECK(KeyWriter().u64(0x7fffffffffffffff).key() < KeyWriter().u64(0x8000000000000000).key());
  CHECK(KeyWriter().u16(0x0102).prefix() == std::string("\x01\x02", 2));
  CHECK(KeyWriter().u8(0xfe).prefix() == "\xfe");

  rc::prop("for any two", [] {
    const auto a = *rc::gen::arbitrary<std::tuple<std::uint8_t, std::uint16_t, std::uint64_t>>();
    const auto b = *rc::gen::arbitrary<std::tuple<std::uint8_t, std::uint16_t, std::uint64_t>>();
    const auto key = [](const auto& parts) {
      return KeyWriter()
          .u8(std::get<0>(parts))
          .u16(std::get<1>(parts))
          .u64(std::get<2>(parts))
          .key();
    };
    RC_ASSERT(sign(key(a), key(b)) == sign(a, b));
  });
}

TEST_CASE("texts in keys sort as texts, with what comes behind them", "[key]") {
  CHECK(KeyWriter().text("a").key() < KeyWriter().text("aa").key());
  CHECK(KeyWriter().text("").key() < KeyWriter().text("\x01").key());
  CHECK(KeyWriter().text("a").text("b").key() != KeyWriter().text("ab").text("").key());

  rc::prop("for any two texts and numbers", [] {
    const auto a = std::make_tuple(any_text(20), any_text(3), *rc::gen::inRange(0U, 4U));
    const auto b = std::make_tuple(any_text(20), any_text(3), *rc::gen::inRange(0U, 4U));
    const auto key = [](const auto& parts) {
      return KeyWriter()
          .text(std::get<0>(parts))
          .text(std::get<1>(parts))
          .u64(std::get<2>(parts))
          .key();
    };
    RC_ASSERT(sign(key(a), key(b)) == sign(a, b));
  });
}

TEST_CASE("keys are padded to 8 bytes behind their prefix", "[key]") {
  CHECK(KeyWriter().key().empty());
  CHECK(KeyWriter().u8(1).key() == std::string("\x01\0\0\0\0\0\0\0", 8));
  CHECK(KeyWriter().u64(1).key().size() == 8);
  CHECK(KeyWriter().u64(1).u8(1).key().size() == 16);

  rc::prop("whatever is in them", [] {
    KeyWriter writer;
    writer.u16(*rc::gen::arbitrary<std::uint16_t>()).text(any_text(40));
    const std::string key = writer.key();
    RC_ASSERT(key.size() % 8 == 0U);
    RC_ASSERT(key.size() < writer.prefix().size() + 8);
    RC_ASSERT(key.starts_with(writer.prefix()));
    RC_ASSERT(key.find_first_not_of('\0', writer.prefix().size()) == std::string::npos);
  });
}

TEST_CASE("a key reads as it was written", "[key]") {
  rc::prop("for any parts", [] {
    const auto small = *rc::gen::arbitrary<std::uint8_t>();
    const auto middle = *rc::gen::arbitrary<std::uint16_t>();
    const auto large = *rc::gen::arbitrary<std::uint64_t>();
    const auto first = any_text(60);
    const auto second = any_text(10);
    const auto key = KeyWriter().u8(small).text(first).u64(large).text(second).u16(middle).key();
    KeyReader reader(key);
    RC_ASSERT(reader.u8() == small);
    RC_ASSERT(reader.text() == first);
    RC_ASSERT(reader.u64() == large);
    RC_ASSERT(reader.text() == second);
    RC_ASSERT(reader.u16() == middle);
    RC_ASSERT(reader.rest().size() < 8U);
  });

  SECTION("and a part that is not there is a bug") {
    const std::string key = KeyWriter().u8(1).key();
    KeyReader reader(key);
    CHECK(reader.u64() == 0x0100000000000000);
    CHECK_THROWS_AS(reader.u8(), AssertionError);
    const std::string open = "abcdefgh";
    KeyReader text_reader(open);
    CHECK_THROWS_AS(text_reader.text(), AssertionError);
  }
}

TEST_CASE("texts over 400 bytes are shortened and stay apart", "[key]") {
  const std::string longest(400, 'x');
  const std::string over = longest + "y";

  SECTION("400 bytes are kept") {
    CHECK(KeyWriter().text(longest).prefix() == longest + std::string(1, '\0'));
  }
  SECTION("more become 400 and a hash") {
    const std::string key = KeyWriter().text(over).key();
    CHECK(KeyReader(key).text() == longest + to_hex(sha256(over)));
    CHECK(key != KeyWriter().text(longest + "z").key());
    CHECK(KeyWriter().text(std::string(100'000, 'x')).key().size() <= 504);
  }
  SECTION("and fit with a number on either side") {
    CHECK(KeyWriter().u64(1).u64(2).text(over).key().size() <= 504);
  }
}

TEST_CASE("what cannot be a key is a bug", "[key]") {
  CHECK_THROWS_AS(KeyWriter().text(std::string("a\0b", 3)), AssertionError);
  CHECK_THROWS_AS(KeyWriter().text(std::string(400, 'x')).text(std::string(400, 'y')).key(),
                  AssertionError);
}
