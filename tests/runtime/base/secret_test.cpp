#include "runtime/base/secret.h"

#include <catch2/catch.hpp>

#include <concepts>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

using namespace troupe;

namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!fmt::is_formattable<Secret>::value, "and so no log line takes it");
static_assert(!Printable<Secret>);
static_assert(!std::convertible_to<Secret, std::string>);
static_assert(!std::convertible_to<Secret, std::string_view>);
static_assert(!std::convertible_to<std::string, Secret>);
static_assert(!std::convertible_to<const char*, Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

}  // namespace

TEST_CASE("a secret says what it was made of", "[secret]") {
  CHECK(Secret("token").reveal() == "token");
  CHECK(Secret().reveal().empty());
  CHECK(Secret().empty());
  CHECK_FALSE(Secret("x").empty());
}

TEST_CASE("a secret is copied, moved and compared", "[secret]") {
  Secret a("token");
  Secret copy = a;
  CHECK(copy == a);
  CHECK(copy.reveal().data() != a.reveal().data());

  Secret moved = std::move(a);
  CHECK(moved == copy);
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): that is what is tested

  a = moved;
  CHECK(a == moved);
  CHECK_FALSE(a == Secret("tokem"));
  CHECK_FALSE(a == Secret("toke"));
  CHECK_FALSE(a == Secret());
  CHECK(Secret() == Secret(""));
}

TEST_CASE("what a secret is taken from is wiped", "[secret]") {
  // Long enough to be on the heap, so that the bytes can be looked at afterwards.
  std::string text(64, 'x');
  const char* bytes = text.data();
  const Secret secret = Secret::taken_from(text);
  CHECK(secret.reveal() == std::string(64, 'x'));
  CHECK(text.empty());
  REQUIRE(text.data() == bytes);
  CHECK(std::string(bytes, 64) == std::string(64, '\0'));
}
