#include "apps/troupe/cli/table.h"

#include <catch2/catch.hpp>

namespace troupe::cli {

TEST_CASE("columns are aligned, with nothing behind the last", "[table]") {
  Table table({"TASK", ">SIZE", "NAME"});
  table.add({"a", "1", "first"});
  table.add({"long-name", "12345", ""});
  CHECK(table.render({}) ==
        "TASK        SIZE  NAME\n"
        "a              1  first\n"
        "long-name  12345\n");
}

TEST_CASE("the last column is cut to the terminal's width", "[table]") {
  Table table({"A", "NAME"});
  table.add({"x", "0123456789abcdefghij"});
  CHECK(table.render({.width = 15, .colour = false}) == "A  NAME\nx  0123456789a…\n");
  // Never below what can be read.
  CHECK(table.render({.width = 4, .colour = false}) == "A  NAME\nx  012345678…\n");
}

TEST_CASE("width counts code points", "[table]") {
  Table table({"A", "B"});
  table.add({"äöü", "x"});
  table.add({"abc", "y"});
  CHECK(table.render({}) == "A    B\näöü  x\nabc  y\n");
}

TEST_CASE("colour surrounds the text and not the blanks", "[table]") {
  Table table({"A", "B"});
  table.add({Cell("ab", Colour::green), "x"});
  CHECK(table.render({.width = 0, .colour = true}) ==
        "\x1b[2mA\x1b[0m   \x1b[2mB\x1b[0m\n\x1b[32mab\x1b[0m  x\n");
}

TEST_CASE("texts from elsewhere do not reach the terminal as they are", "[table]") {
  CHECK(harmless("a\x1b[31mb") == "a?[31mb");
  CHECK(harmless("two\nlines\tand") == "two lines and");
  CHECK(harmless("\xc2\x9b"
                 "31m") == "?31m");
  CHECK(harmless("\xff"
                 "a") ==
        "\xEF\xBF\xBD"
        "a");
  CHECK(harmless("grün") == "grün");
}

TEST_CASE("a text is cut between code points", "[table]") {
  CHECK(cut_text("äöü", 3) == "äöü");
  CHECK(cut_text("äöüß", 3) == "äö…");
  CHECK(cut_text("abc", 1) == "…");
  CHECK(cut_text("abc", 0).empty());
}

}  // namespace troupe::cli
