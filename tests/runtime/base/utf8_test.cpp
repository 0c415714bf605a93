#include "runtime/base/utf8.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

TEST_CASE("code points are counted", "[utf8]") {
  CHECK(utf8_length("") == 0);
  CHECK(utf8_length("abcdefghijk") == 11);
  CHECK(utf8_length("abcdefgh\u00e9i\u20ac\U0010FFFF") == 12);
}

TEST_CASE("what is not well-formed has no length", "[utf8]") {
  const auto* text = GENERATE("\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
                              "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                              "\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x98", "12345678\xff",
                              "\xc3"
                              "a");
  CHECK_FALSE(utf8_length(text));
  CHECK(utf8_length(repaired_utf8(text)));
}

TEST_CASE("the first byte that is not well-formed is found", "[utf8]") {
  CHECK_FALSE(utf8_fault(""));
  CHECK_FALSE(utf8_fault("abcdefgh\u00e9i\u20ac\U0010FFFF"));
  CHECK(utf8_fault("\xff\xfet") == 0);
  CHECK(utf8_fault("12345678\u00e9\xff") == 10);
  CHECK(utf8_fault("a\xe2\x82") == 1);
}

TEST_CASE("only what is broken is repaired", "[utf8]") {
  CHECK(repaired_utf8("a\u00e9") == "a\u00e9");
  CHECK(repaired_utf8("a\xff\u00e9") == "a\uFFFD\u00e9");
}

}  // namespace
}  // namespace troupe
