#include "runtime/base/secret_box.h"

#include "runtime/base/assert.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <set>

using namespace troupe;

namespace {

const std::string key(32, 'k');
const std::string secret = "the worker's token";

}  // namespace

TEST_CASE("a secret opens with its key and context", "[secret_box]") {
  const auto box = seal_secret(key, "row 1", secret);
  CHECK(box.size() == 12 + secret.size() + 16);
  CHECK(box.find(secret) == std::string::npos);
  CHECK(open_secret(key, "row 1", box) == secret);
  CHECK(open_secret(key, "", seal_secret(key, "", "")) == "");

  rc::prop("whatever they are", [] {
    const auto random_key = *rc::gen::container<std::string>(32, rc::gen::arbitrary<char>());
    const auto context = *rc::gen::arbitrary<std::string>();
    const auto content = *rc::gen::arbitrary<std::string>();
    const auto opened = open_secret(random_key, context, seal_secret(random_key, context, content));
    RC_ASSERT(opened.has_value());
    RC_ASSERT(*opened == content);
  });
}

TEST_CASE("each box is another", "[secret_box]") {
  std::set<std::string> nonces;
  for (int i = 0; i < 1'000; ++i) nonces.insert(seal_secret(key, "", secret).substr(0, 12));
  CHECK(nonces.size() == 1'000);
}

TEST_CASE("a box that is not the same does not open", "[secret_box]") {
  const auto box = seal_secret(key, "row 1", secret);

  SECTION("of another row") {
    CHECK_FALSE(open_secret(key, "row 2", box).has_value());
    CHECK_FALSE(open_secret(key, "", box).has_value());
  }
  SECTION("with another key") {
    auto other = key;
    other.back() = 'K';
    CHECK_FALSE(open_secret(other, "row 1", box).has_value());
  }
  SECTION("with any bit turned") {
    for (std::size_t bit = 0; bit < box.size() * 8; ++bit) {
      auto bent = box;
      bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << (bit % 8)));
      INFO("bit " << bit);
      REQUIRE_FALSE(open_secret(key, "row 1", bent).has_value());
    }
  }
  SECTION("cut anywhere, or longer") {
    for (std::size_t size = 0; size < box.size(); ++size) {
      INFO(size << " bytes");
      REQUIRE_FALSE(open_secret(key, "row 1", box.substr(0, size)).has_value());
    }
    CHECK_FALSE(open_secret(key, "row 1", box + '\0').has_value());
  }
}

TEST_CASE("a key of another length is a bug", "[secret_box]") {
  CHECK_THROWS_AS(seal_secret("short", "", secret), AssertionError);
  CHECK_THROWS_AS(open_secret(key + "k", "", secret), AssertionError);
}
