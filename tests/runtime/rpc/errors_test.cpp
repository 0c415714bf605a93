#include "runtime/rpc/errors.h"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

kj::Exception exception(kj::Exception::Type type, const char* text) {
  return kj::Exception(type, __FILE__, __LINE__, kj::heapString(text));
}

}  // namespace

TEST_CASE("an error crosses a connection and comes back the same", "[rpc]") {
  const auto code = GENERATE(Errc::invalid, Errc::not_found, Errc::conflict, Errc::unauthenticated,
                             Errc::forbidden, Errc::busy, Errc::unavailable, Errc::corrupt,
                             Errc::expired, Errc::too_large, Errc::internal, Errc::not_acceptable);
  const auto detail = GENERATE(as<std::string>(), "no such task", "", ": odd", " a space",
                               "two\nlines", "Busy: nested", "\xc3\xa9");
  const Error error{code, detail};
  const auto thrown = exception_from(error);
  CHECK(error_from(thrown) == error);
  CHECK((thrown.getType() == kj::Exception::Type::OVERLOADED) == is_retryable(code));

  // As the other side of a connection sees it.
  const std::string remote = std::string("remote exception: ") + thrown.getDescription().cStr();
  CHECK(error_from(exception(thrown.getType(), remote.c_str())) == error);
}

TEST_CASE("exceptions that are not ours have a meaning too", "[rpc]") {
  using Type = kj::Exception::Type;
  SECTION("a lost connection") {
    const auto error = error_from(exception(Type::DISCONNECTED, "peer reset"));
    CHECK(error.code == Errc::unavailable);
    CHECK(error.detail.find("peer reset") != std::string::npos);
  }
  SECTION("an overloaded peer") {
    CHECK(error_from(exception(Type::OVERLOADED, "too much")) == Error{Errc::busy, "too much"});
  }
  SECTION("an unknown method") {
    CHECK(error_from(exception(Type::UNIMPLEMENTED, "no method")).code == Errc::invalid);
  }
  SECTION("a bug") {
    CHECK(error_from(exception(Type::FAILED, "oops")) == Error{Errc::internal, "oops"});
  }
  SECTION("a word that only looks like a code") {
    CHECK(error_from(exception(Type::FAILED, "BusyBody: x")).code == Errc::internal);
    CHECK(error_from(exception(Type::FAILED, "Busy")).code == Errc::internal);
    CHECK(error_from(exception(Type::FAILED, "so Busy: x")).code == Errc::internal);
    CHECK(error_from(exception(Type::FAILED, "")).code == Errc::internal);
  }
}
