#include "runtime/scopes/scope_expression.h"

#include "tests/runtime/scopes/contract.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>

namespace troupe {
namespace {

using Parameter = ScopeTemplate::Parameter;
using Use = ScopeTemplate::Use;

ScopeTemplate parsed(std::string_view text) {
  auto parsed = ScopeTemplate::parse(text);
  INFO(text);
  if (!parsed.ok()) FAIL(parsed.error().detail);
  return std::move(parsed).value();
}

// An expression of its JSON, or of one scope, by way of a template without parameters.
ScopeExpression expression(std::string_view text) {
  const auto rendered = parsed(text).render({});
  REQUIRE(rendered.ok());
  REQUIRE(rendered.value().has_value());
  return *rendered.value();
}

std::string missing_text(std::string_view text, const std::vector<std::string>& held) {
  const auto missing = expression(text).missing(ScopeSet::of(held));
  return missing ? missing->text() : "nothing";
}

std::string used_text(std::string_view text, const std::vector<std::string>& held) {
  const auto used = expression(text).satisfying(ScopeSet::of(held));
  if (!used) return "unsatisfied";
  std::string all;
  for (const std::string& scope : used->list()) all += scope + " ";
  return all;
}

std::string error_of(const ScopeTemplate& scope_template, const ScopeParameters& parameters) {
  const auto rendered = scope_template.render(parameters);
  if (rendered.ok()) return "none";
  CHECK(rendered.error().code == Errc::internal);
  return rendered.error().detail;
}

// JSON as the published documents hold it.
std::string json_text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return buffer.GetString();
}

// A random expression over few scopes, as JSON.
std::string any_expression(int depth) {
  const int kind = *rc::gen::inRange(0, depth == 0 ? 1 : 3);
  if (kind == 0) return '"' + *rc::gen::elementOf(std::vector<std::string>{"a", "b", "c*"}) + '"';
  std::string parts;
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) parts += (i == 0 ? "" : ",") + any_expression(depth - 1);
  return (kind == 1 ? R"({"AllOf":[)" : R"({"AnyOf":[)") + parts + "]}";
}

}  // namespace

TEST_CASE("a template of one scope is filled with texts and numbers", "[scopes]") {
  const ScopeTemplate scope_template = parsed("queue:<taskId>/<runId>:x");
  CHECK(scope_template.parameters() ==
        std::vector<Parameter>{{"taskId", Use::text}, {"runId", Use::text}});

  ScopeParameters parameters;
  parameters.text("taskId", "abc<runId>").number("runId", 3).boolean("unknown", true);
  const auto rendered = scope_template.render(parameters);
  REQUIRE(rendered.ok());
  CHECK(rendered.value() == ScopeExpression::one("queue:abc<runId>/3:x"));
  CHECK(rendered.value()->text() == "queue:abc<runId>/3:x");

  CHECK(parsed("auth:list->x").render({}).value() == ScopeExpression::one("auth:list->x"));
  parameters.text("taskId", "").text("runId", "");
  CHECK(scope_template.render(parameters).value() == ScopeExpression::one("queue:/:x"));
}

TEST_CASE("a list expands in place", "[scopes]") {
  const ScopeTemplate scope_template =
      parsed(R"({"AllOf":["a:<id>",{"each":"b:<scope>:<id>","for":"scope","in":"scopes"},"c"]})");
  CHECK(scope_template.parameters() ==
        std::vector<Parameter>{{"id", Use::text}, {"scopes", Use::list}});

  ScopeParameters parameters;
  parameters.text("id", "1").list("scopes", {"x", "y*"});
  CHECK(scope_template.render(parameters).value()->text() ==
        "{\n  \"AllOf\": [\n    \"a:1\",\n    \"b:x:1\",\n    \"b:y*:1\",\n    \"c\"\n  ]\n}");
  parameters.list("scopes", {});
  CHECK(scope_template.render(parameters).value()->text() ==
        "{\n  \"AllOf\": [\n    \"a:1\",\n    \"c\"\n  ]\n}");
}

TEST_CASE("an item stands before a parameter of the same name", "[scopes]") {
  const ScopeTemplate scope_template =
      parsed(R"({"AnyOf":[{"for":"x","in":"list","each":"<x>"},"<x>"]})");
  ScopeParameters parameters;
  parameters.text("x", "outer").list("list", {"inner"});
  CHECK(scope_template.render(parameters).value() ==
        ScopeExpression::any_of({ScopeExpression::one("inner"), ScopeExpression::one("outer")}));
}

TEST_CASE("a condition chooses, drops out of lists, and makes a call public", "[scopes]") {
  const ScopeTemplate root = parsed(R"({"if":"private","then":"secret:<name>"})");
  CHECK(root.parameters() ==
        std::vector<Parameter>{{"private", Use::boolean}, {"name", Use::text}});
  CHECK(root.render(ScopeParameters().boolean("private", false)).value() == std::nullopt);
  CHECK(root.render(ScopeParameters().boolean("private", true).text("name", "n")).value() ==
        ScopeExpression::one("secret:n"));

  const ScopeTemplate both = parsed(R"({"if":"r","then":{"AnyOf":["r","w"]},"else":"w"})");
  CHECK(both.render(ScopeParameters().boolean("r", false)).value() == ScopeExpression::one("w"));
  CHECK(both.render(ScopeParameters().boolean("r", true)).value() ==
        expression(R"({"AnyOf":["r","w"]})"));

  const ScopeTemplate inside =
      parsed(R"({"AllOf":[{"if":"b","then":{"for":"i","in":"l","each":"<i>"}},"c"]})");
  const auto dropped = inside.render(ScopeParameters().boolean("b", false));
  CHECK(dropped.value() == expression(R"({"AllOf":["c"]})"));
  const auto expanded = inside.render(ScopeParameters().boolean("b", true).list("l", {"1", "2"}));
  CHECK(expanded.value() == expression(R"({"AllOf":["1","2","c"]})"));
}

TEST_CASE("a parameter that is missing or of another type is a bug of ours", "[scopes]") {
  const ScopeTemplate text = parsed("a:<x>");
  const ScopeTemplate list = parsed(R"({"AllOf":[{"for":"i","in":"x","each":"<i>"}]})");
  const ScopeTemplate condition = parsed(R"({"if":"x","then":"a"})");
  const std::string needs = "the scope expression needs the parameter `x`, ";
  CHECK(error_of(text, {}) == needs + "a text; it was not given");
  CHECK(error_of(list, {}) == needs + "a list of texts; it was not given");
  CHECK(error_of(condition, {}) == needs + "a boolean; it was not given");
  CHECK(error_of(text, ScopeParameters().list("x", {"a"})) ==
        needs + "a text; it was given as something else");
  CHECK(error_of(list, ScopeParameters().text("x", "a")) ==
        needs + "a list of texts; it was given as something else");
  CHECK(error_of(condition, ScopeParameters().text("x", "true")) ==
        needs + "a boolean; it was given as something else");
  // Of the branch that is not taken nothing is needed.
  CHECK(parsed(R"({"if":"b","then":"<x>"})").render(ScopeParameters().boolean("b", false)).ok());
}

TEST_CASE("what is no template is refused, saying where", "[scopes]") {
  const auto [text, error] = GENERATE(table<std::string, std::string>({
      {"", "it is empty: a public method has none"},
      {"a<", "in a scope, `<` begins a parameter such as `<name>`, unlike `<`"},
      {"a<b", "in a scope, `<` begins a parameter such as `<name>`, unlike `<b`"},
      {"a<>", "in a scope, `<` begins a parameter such as `<name>`, unlike `<>`"},
      {"a<1b>", "in a scope, `<` begins a parameter such as `<name>`, unlike `<1b>`"},
      {"a<..>", "in a scope, `<` begins a parameter such as `<name>`, unlike `<..>`"},
      {"a\tb", "a scope is printable ASCII"},
      {R"({"AllOf":["\u00e9"]})", "AllOf[0]: a scope is printable ASCII"},
      {R"({"AllOf":"a"})", "AllOf: not a list"},
      {R"({"AllOf":["a",7]})", "AllOf[1]: neither a text nor an object"},
      {R"({"AnyOf":[{"AllOf":[null]}]})", "AnyOf[0].AllOf[0]: neither a text nor an object"},
      {R"({"if":"a b","then":"a"})", "if: not a name: a letter, then letters, digits and `_`"},
      {R"({"if":"b","then":[]})", "then: neither a text nor an object"},
      {R"({"if":"b","then":"a","else":1})", "else: neither a text nor an object"},
      {R"({"for":"a","in":"b","each":"c"})",
       "`for` stands only in the list of an `AllOf` or `AnyOf`"},
      {R"({"if":"b","then":{"for":"a","in":"b","each":"c"}})",
       "then: `for` stands only in the list of an `AllOf` or `AnyOf`"},
      {R"({"AllOf":[{"for":"","in":"b","each":"c"}]})",
       "AllOf[0].for: not a name: a letter, then letters, digits and `_`"},
      {R"({"AllOf":[{"for":"a","in":["b"],"each":"c"}]})",
       "AllOf[0].in: not a name: a letter, then letters, digits and `_`"},
      {R"({"AllOf":[{"for":"a","in":"b","each":{"AllOf":[]}}]})", "AllOf[0].each: not a text"},
      {R"({"AllOf":["<x>",{"for":"a","in":"x","each":"c"}]})",
       "AllOf[1]: the parameter `x` is used as a text and as a list of texts"},
  }));
  INFO(text);
  const auto parsed = ScopeTemplate::parse(text);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error() == Error{Errc::invalid, "scope expression: " + error});
}

TEST_CASE("an object with other keys, or none, is refused", "[scopes]") {
  const auto text =
      GENERATE(as<std::string>{}, "{}", R"({"allOf":[]})", R"({"AllOf":[],"AnyOf":[]})",
               R"({"AllOf":[],"AllOf":[]})", R"({"if":"a"})", R"({"then":"a"})",
               R"({"if":"a","then":"b","or":"c"})", R"({"AnyOf":[{"for":"a","in":"b"}]})");
  INFO(text);
  const auto parsed = ScopeTemplate::parse(text);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().detail.find("an object has the key `AllOf` or `AnyOf`") !=
        std::string::npos);
}

TEST_CASE("templates are bounded", "[scopes]") {
  const auto nested = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += R"({"AllOf":[)";
    for (std::size_t i = 0; i < depth; ++i) text += "]}";
    return text;
  };
  CHECK(ScopeTemplate::parse(nested(scope_template_depth_max)).ok());
  CHECK_FALSE(ScopeTemplate::parse(nested(scope_template_depth_max + 1)).ok());
  CHECK_FALSE(ScopeTemplate::parse(nested(1'000)).ok());
  CHECK_FALSE(ScopeTemplate::parse("{" + std::string(scope_template_bytes_max - 1, '[')).ok());
  CHECK(ScopeTemplate::parse(std::string(scope_template_bytes_max, 'a')).ok());
  CHECK_FALSE(ScopeTemplate::parse(std::string(scope_template_bytes_max + 1, 'a')).ok());
  CHECK_FALSE(ScopeTemplate::parse(R"({"AllOf":[]} x)").ok());
  CHECK_FALSE(ScopeTemplate::parse(R"({"AllOf":[])").ok());
}

TEST_CASE("templates are printed as they are read", "[scopes]") {
  CHECK(parsed("a:<b>").text() == "a:<b>");
  CHECK(parsed("a:<b>").json() == R"("a:<b>")");
  CHECK(parsed("\"quoted\"").json() == R"("\"quoted\"")");
  CHECK(parsed("\"quoted\"").text() == "\"quoted\"");
  const std::string all =
      R"({"AllOf":["a:<b>",{"for":"c","in":"d","each":"e<c>f"},)"
      R"({"if":"g","then":{"AnyOf":["h","{"]},"else":{"AllOf":[]}},{"if":"g","then":""}]})";
  CHECK(parsed(all).text() == all);
  CHECK(parsed(all).json() == all);
  CHECK(parsed(R"({ "AnyOf" : [ {"in":"l", "each":"<x>", "for":"x"} ] })").text() ==
        R"({"AnyOf":[{"for":"x","in":"l","each":"<x>"}]})");
}

TEST_CASE("expressions are satisfied part by part", "[scopes]") {
  struct Row {
    std::vector<std::string> held;
    std::string expression;
    std::string used;
    std::string missing;
  };
  const auto row = GENERATE(values<Row>({
      {{"abc*"}, "abcd", "abcd ", "nothing"},
      {{"abc"}, "abc*", "unsatisfied", "abc*"},
      {{}, R"({"AllOf":[]})", "", "nothing"},
      {{"x"}, R"({"AnyOf":[]})", "unsatisfied", "{\n  \"AnyOf\": []\n}"},
      {{"a"}, R"({"AllOf":["a","b"]})", "unsatisfied", "b"},
      {{"b", "a"}, R"({"AllOf":["b","a"]})", "a b ", "nothing"},
      {{"b"}, R"({"AnyOf":["a","b"]})", "b ", "nothing"},
      {{"abc"}, R"({"AllOf":[{"AnyOf":["abc"]},"def"]})", "unsatisfied", "def"},
      {{"q*"}, R"({"AnyOf":["q:a",{"AllOf":["q:b","r"]}]})", "q:a ", "nothing"},
      {{"z"},
       R"({"AnyOf":["q:a",{"AllOf":["q:b","z"]}]})",
       "unsatisfied",
       "{\n  \"AnyOf\": [\n    \"q:a\",\n    \"q:b\"\n  ]\n}"},
      {{"q:*"}, R"({"AnyOf":["q:1","q:2","r"]})", "q:1 q:2 ", "nothing"},
      {{"*"}, R"({"AllOf":["a*","ab","b"]})", "a* b ", "nothing"},
      {{},
       R"({"AllOf":["a","b"]})",
       "unsatisfied",
       "{\n  \"AllOf\": [\n    \"a\",\n    \"b\"\n  ]\n}"},
      {{}, R"({"AllOf":[{"AnyOf":[]}]})", "unsatisfied", "{\n  \"AnyOf\": []\n}"},
  }));
  INFO(row.expression);
  CHECK(used_text(row.expression, row.held) == row.used);
  CHECK(missing_text(row.expression, row.held) == row.missing);
  CHECK(expression(row.expression).satisfied_by(ScopeSet::of(row.held)) ==
        (row.missing == "nothing"));
}

TEST_CASE("laws of scope expressions", "[scopes]") {
  const auto any_held = [] {
    return ScopeSet::of(*rc::gen::container<std::vector<std::string>>(
        rc::gen::elementOf(std::vector<std::string>{"a", "b", "c", "c*", "b*", "**"})));
  };
  rc::prop("an expression is satisfied, or something is missing", [any_held] {
    const ScopeExpression some = expression(R"({"AllOf":[)" + any_expression(3) + "]}");
    const ScopeSet held = any_held();
    RC_ASSERT(some.satisfied_by(held) == !some.missing(held).has_value());
    RC_ASSERT(some.satisfied_by(held) == some.satisfying(held).has_value());
  });
  rc::prop("what is missing is missing whole, and what is used satisfies", [any_held] {
    const ScopeExpression some = expression(R"({"AllOf":[)" + any_expression(3) + "]}");
    const ScopeSet held = any_held();
    if (const auto missing = some.missing(held)) {
      RC_ASSERT(missing->missing(held) == missing);
    } else {
      RC_ASSERT(some.satisfied_by(*some.satisfying(held)));
      RC_ASSERT(held.satisfies(*some.satisfying(held)));
    }
  });
  rc::prop("a template is read back from what it prints", [] {
    const ScopeTemplate first = parsed(R"({"AllOf":[)" + any_expression(3) + "]}");
    RC_ASSERT(ScopeTemplate::parse(first.text()).value() == first);
  });
}

TEST_CASE("expressions are satisfied as published", "[scopes][contract]") {
  const auto folder = contract::folder();
  if (!folder) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published vectors");
    return;
  }
  const auto vectors = contract::read(*folder + "/auth-vectors.json");
  REQUIRE(vectors.IsObject());
  const auto rendered = [](const rapidjson::Value& json) {
    if (json.IsString()) return ScopeExpression::one(json.GetString());
    return expression(json_text(json));
  };
  for (const auto& vector : vectors["satisfaction"].GetArray()) {
    const ScopeSet held = ScopeSet::of(contract::texts(vector["scopes"]));
    const ScopeExpression wanted = rendered(vector["expression"]);
    INFO(wanted.text());
    const auto used = wanted.satisfying(held);
    REQUIRE(used.has_value() == vector["satisfied"].GetBool());
    CHECK(wanted.satisfied_by(held) == vector["satisfied"].GetBool());
    if (used) CHECK(used->list() == contract::texts(vector["scopesUsed"]));
    const auto missing = wanted.missing(held);
    REQUIRE(missing.has_value() == !vector["missing"].IsNull());
    if (missing) CHECK(*missing == rendered(vector["missing"]));
  }
}

TEST_CASE("the published methods' templates are read and printed", "[scopes][contract]") {
  const auto folder = contract::folder();
  if (!folder) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published references");
    return;
  }
  constexpr std::array services = {"auth",  "built-in-workers", "github",     "hooks",
                                   "index", "notify",           "object",     "purge-cache",
                                   "queue", "secrets",          "web-server", "worker-manager"};
  std::size_t templates = 0;
  for (const char* service : services) {
    const auto reference = contract::read(*folder + "/references/" + service + "/v1/api.json");
    if (!reference.IsObject()) continue;  // a service without an API
    for (const auto& entry : reference["entries"].GetArray()) {
      if (!entry.HasMember("scopes")) continue;
      const rapidjson::Value& scopes = entry["scopes"];
      const std::string text = scopes.IsString() ? scopes.GetString() : json_text(scopes);
      const ScopeTemplate read = parsed(text);
      rapidjson::Document printed;
      printed.Parse(read.json().c_str());
      CHECK(printed == scopes);
      CHECK(ScopeTemplate::parse(read.text()).value() == read);
      ++templates;
    }
  }
  CHECK(templates > 100);
}

}  // namespace troupe
