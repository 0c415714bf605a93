#include "runtime/amqp/address.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::amqp;

TEST_CASE("a broker's address is read with what it leaves out", "[amqp]") {
  const std::vector<std::pair<const char*, Address>> cases = {
      {"amqp://h", {"h", 5672, false, "guest", "/"}},
      {"amqp://h/", {"h", 5672, false, "guest", "/"}},
      {"amqps://h", {"h", 5671, true, "guest", "/"}},
      {"amqp://u@h:1", {"h", 1, false, "u", "/"}},
      {"amqps://a%40b@h.example:65535/t%2Fc", {"h.example", 65535, true, "a@b", "t/c"}},
      {"amqp://[::1]", {"::1", 5672, false, "guest", "/"}},
      {"amqp://u@[::1]:7/v", {"::1", 7, false, "u", "v"}},
  };
  for (const auto& [text, address] : cases) {
    CAPTURE(text);
    const auto parsed = parse_address(text);
    REQUIRE(parsed.ok());
    CHECK(parsed.value() == address);
  }
  CHECK(to_string({"::1", 7, true, "u", "v"}) == "amqps://[::1]:7");
}

TEST_CASE("what is no broker's address is refused", "[amqp]") {
  for (const char* text : {"", "h", "http://h", "amqp://", "amqp://u@", "amqp://h:", "amqp://h:0",
                           "amqp://h:65536", "amqp://h:1x", "amqp://@h", "amqp://h/a/b",
                           "amqp://h/a?b=c", "amqp://h/%zz", "amqp://[::1", "amqp://[::1]x"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_address(text).ok());
    CHECK(parse_address(text).error().code == Errc::invalid);
  }
  const auto with_password = parse_address("amqp://u:secret@h");
  REQUIRE_FALSE(with_password.ok());
  CHECK(with_password.error().detail.find("amqp.password_file") != std::string::npos);
  CHECK(with_password.error().detail.find("secret") == std::string::npos);
}
