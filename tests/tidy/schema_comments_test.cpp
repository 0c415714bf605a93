// That the schema says what everything means.
#include "tests/tidy/source_text.h"
#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace troupe::tidy {
namespace {

/// A declaration of a schema, and whether a comment says what it means.
struct SchemaStatement {
  std::string text;
  std::size_t line = 0;  // from 0
  bool commented = false;
};

/// The code of a line of a schema, with the insides of texts blanked; its comment is left out.
std::string schema_code(const std::string& line) {
  std::string code;
  bool in_text = false;
  char before = '\0';
  for (const char c : line) {
    if (c == '#' && !in_text) break;
    if (c == '"' && before != '\\') in_text = !in_text;
    code += in_text ? '"' : c;
    before = c;
  }
  return code;
}

/// Statements end with `;` or open a body. A comment belongs to one if it stands behind it, on any
/// of its lines, or begins on the line below.
std::vector<SchemaStatement> schema_statements(const std::vector<std::string>& lines) {
  std::vector<SchemaStatement> statements;
  SchemaStatement open;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string code = schema_code(lines[i]);
    const bool behind = code.size() < lines[i].size();
    const std::size_t below = i + 1 < lines.size() ? lines[i + 1].find_first_not_of(' ') : 0;
    const bool beneath =
        i + 1 < lines.size() && below != std::string::npos && lines[i + 1][below] == '#';
    for (const char c : code) {
      if (open.text.empty() && (c == ' ' || c == '}')) continue;
      if (open.text.empty()) open.line = i;
      open.commented = open.commented || behind;
      if (c != ';' && c != '{') {
        open.text += c;
        continue;
      }
      open.text.erase(open.text.find_last_not_of(' ') + 1);
      open.commented = open.commented || beneath;
      statements.push_back(std::exchange(open, {}));
    }
  }
  return statements;
}

/// Every type, field, enumerant, union member, method and constant of the schema has a comment.
Findings check_schema_comments(const Tree& tree) {
  // Imports, annotations of the file and unions without a name mean nothing by themselves.
  const auto means_nothing = [](const std::string& text) {
    return text == "union" || text.starts_with("using ") || text.starts_with('$') ||
           text.starts_with('@');
  };
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (top_of(path) != "schema" || !path.ends_with(".capnp")) continue;
    for (const SchemaStatement& statement : schema_statements(lines_of(text))) {
      if (statement.commented || means_nothing(statement.text)) continue;
      findings.push_back(
          at_line(path, statement.line, "no comment says what it means: " + statement.text));
    }
  }
  return findings;
}

}  // namespace

TEST_CASE("the schema says what everything means", "[tidy]") {
  SECTION("in the source") {
    require_none(check_schema_comments(source_tree()));
  }

  const auto found = [](const std::string& text) {
    return check_schema_comments({{"schema/store/a.capnp", text}}).size();
  };
  SECTION("each declaration without a comment is found") {
    const std::string bare =
        "@0xa8e3d5c7b1f90246;\n"
        "using Cxx = import \"/capnp/c++.capnp\";\n"
        "$Cxx.namespace(\"a\");\n"
        "const limit :UInt32 = 1;\n"
        "\n"
        "struct Row {\n"
        "  name @0 :Text\n"
        "      $A.pattern(\"^#;{1,2}\\\"$\");\n"
        "  union {\n"
        "    end :group {\n"
        "      at @1 :Int64;\n"
        "    }\n"
        "    none @2 :Void;\n"
        "  }\n"
        "}\n"
        "\n"
        "enum State {\n"
        "  open @0;\n"
        "}\n"
        "\n"
        "interface Door {\n"
        "  shut @0 ()\n"
        "      -> (state :State);\n"
        "}\n";
    CHECK(found(bare) == 10);
  }
  SECTION("a comment behind it or on the next line is enough") {
    CHECK(found("struct Row {\n  # What it is.\n  name @0 :Text;  # what it means\n}\n") == 0);
    CHECK(found("struct Row {  # What it is.\n  name @0 :Text;\n  # What it means.\n}\n") == 0);
    CHECK(found("interface Door {\n  # Opens.\n  shut @0 () # now\n  -> ();\n}\n") == 0);
  }
  SECTION("one that is another's, or further down, is not") {
    CHECK(found("# Of the file.\n\nconst limit :UInt32 = 1;\n") == 1);
    CHECK(found("const limit :UInt32 = 1;\n\n# Too late.\n") == 1);
    CHECK(found("const a :UInt32 = 1;\nconst b :UInt32 = 1;  # what b means\n") == 1);
  }
}

}  // namespace troupe::tidy
