#include "runtime/blob/line_tail.h"

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("the last visible line", "[blob]") {
  const auto last = [](std::string_view text) { return last_visible_line(text, 80); };

  SECTION("is the last that shows anything") {
    CHECK(last("") == "");
    CHECK(last("\n \n\t\n") == "");
    CHECK(last("one\ntwo\n") == "two");
    CHECK(last("one\ntwo") == "two");
    CHECK(last("one\r\n\r\n  \n") == "one");
  }
  SECTION("of a progress bar is its newest state") {
    CHECK(last("10%\r50%\r90%") == "90%");
    CHECK(last("10%\r100%\r") == "100%");
  }
  SECTION("has no escape sequences") {
    CHECK(last("\x1B[1;31mred\x1B[0m text") == "red text");
    CHECK(last("\x1B]0;title\x07shown") == "shown");
    CHECK(last("\x1B]8;;http://x\x1B\\link\x1B]8;;\x1B\\") == "link");
    CHECK(last("\x1B(Bplain\x1B=") == "plain");
    CHECK(last("cut\x1B[3") == "cut");
    CHECK(last("cut\x1B") == "cut");
    CHECK(last("first\n\x1B[0m\n") == "first");
  }
  SECTION("has no control characters and no tricks with direction") {
    CHECK(last("a\x07\x08\x7F"
               "b") == "ab");
    CHECK(last("a\xC2\x9B"
               "b") == "ab");
    CHECK(last("a\xE2\x80\xAE"
               "b") == "ab");
    CHECK(last("a\tb") == "a b");
    CHECK(last("  a  b  ") == "a  b");
  }
  SECTION("is valid UTF-8") {
    CHECK(last("gr\xC3\xBC\xC3\x9F") == "gr\xC3\xBC\xC3\x9F");
    CHECK(last("a\xFF"
               "b") ==
          "a\xEF\xBF\xBD"
          "b");
    CHECK(last("\xBC\x9Frest") == "rest");
  }
  SECTION("is cut to the asked length in characters") {
    CHECK(last_visible_line("abcdef", 6) == "abcdef");
    CHECK(last_visible_line("abcdefg", 6) == "abcde\xE2\x80\xA6");
    CHECK(last_visible_line("\xC3\xBC\xC3\xBC\xC3\xBC", 2) == "\xC3\xBC\xE2\x80\xA6");
    CHECK(last_visible_line("abc", 1) == "\xE2\x80\xA6");
    CHECK(last_visible_line("abc", 0) == "");
  }
}
