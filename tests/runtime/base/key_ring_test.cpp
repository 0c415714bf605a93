#include "runtime/base/key_ring.h"

#include "runtime/base/hash.h"
#include "runtime/base/secret_box.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <rapidcheck/catch.h>

#include <string>

namespace troupe {
namespace {

const std::string old_key(32, 'o');
const std::string new_key(32, 'n');

std::string entry(const std::string& id, const std::string& key) {
  return fmt::format(R"({{"id":"{}","key":"{}"}})", id, to_base64(as_bytes(key)));
}

KeyRing ring(const std::string& json) {
  auto parsed = KeyRing::parse(json);
  if (!parsed) FAIL(parsed.error().detail);
  return std::move(parsed).value();
}

KeyRing old_ring() {
  return ring("{\"keys\":[" + entry("old", old_key) + "]}");
}
KeyRing both(const std::string& current = "new") {
  return ring("{\"current\":\"" + current + "\",\"keys\":[" + entry("old", old_key) + "," +
              entry("new", new_key) + "]}");
}
KeyRing new_ring() {
  return ring("{\"keys\":[" + entry("new", new_key) + "]}");
}

std::string text_in(const KeyRing& keys, const std::string& box) {
  const auto secret = keys.open(box, "row");
  INFO((secret ? "" : secret.error().detail));
  REQUIRE(secret.ok());
  return std::string(secret.value().reveal());
}

}  // namespace

TEST_CASE("what a ring seals it opens", "[key_ring]") {
  rc::prop("whatever it is", [](const std::string& secret, const std::string& context) {
    const KeyRing keys = both();
    const auto box = keys.seal(secret, context);
    RC_ASSERT(!keys.needs_reseal(box));
    const auto opened = keys.open(box, context);
    RC_ASSERT(opened.ok());
    RC_ASSERT(opened.value().reveal() == secret);
    RC_ASSERT(!keys.open(box, context + "x").ok());
  });
}

TEST_CASE("the first key seals, or the one that is named", "[key_ring]") {
  CHECK(old_ring().current_id() == "old");
  CHECK(both("new").current_id() == "new");
  CHECK(both("old").current_id() == "old");
  const KeyRing first =
      ring("{\"keys\":[" + entry("a", old_key) + "," + entry("b", new_key) + "]}");
  CHECK(first.current_id() == "a");
  CHECK(first.seal("token", "row").starts_with("key:a:"));
}

TEST_CASE("keys are rotated: add, seal anew, remove", "[key_ring]") {
  const std::string before = old_ring().seal("token", "row");

  const KeyRing keys = both();
  CHECK(text_in(keys, before) == "token");
  CHECK(keys.needs_reseal(before));
  const auto after = keys.reseal(before, "row");
  REQUIRE(after.ok());
  CHECK_FALSE(keys.needs_reseal(after.value()));
  CHECK(after.value().starts_with("key:new:"));

  CHECK(text_in(new_ring(), after.value()) == "token");
  const auto lost = new_ring().open(before, "row");
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error() == Error{Errc::corrupt,
                              "it is sealed under key old, which is not among the keys (new): put "
                              "that key back beside them"});
  CHECK(new_ring().reseal(before, "row").ok() == false);
  CHECK_FALSE(keys.reseal(before, "other row").ok());
}

TEST_CASE("boxes from before they named their key still open", "[key_ring]") {
  const std::string box = seal_secret(old_key, "row", "token");
  CHECK(text_in(old_ring(), box) == "token");
  CHECK(text_in(both(), box) == "token");
  CHECK(old_ring().needs_reseal(box));
  CHECK(both().needs_reseal(box));
  const auto after = both().reseal(box, "row");
  REQUIRE(after.ok());
  CHECK(text_in(new_ring(), after.value()) == "token");

  const auto lost = new_ring().open(box, "row");
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().detail ==
        "it does not open under any of the keys (new): it is damaged or from elsewhere, or its key "
        "was removed");
}

TEST_CASE("a box that was touched does not open", "[key_ring]") {
  const KeyRing keys = both();
  const std::string box = keys.seal("token", "row");
  for (std::size_t bit = 0; bit < box.size() * 8; ++bit) {
    auto bent = box;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << (bit % 8)));
    INFO("bit " << bit);
    REQUIRE_FALSE(keys.open(bent, "row").ok());
  }
  for (std::size_t size = 0; size < box.size(); ++size) {
    INFO(size << " bytes");
    REQUIRE_FALSE(keys.open(box.substr(0, size), "row").ok());
  }
}

TEST_CASE("a ring is kept and read back", "[key_ring]") {
  const KeyRing fresh = KeyRing::make();
  const std::string box = fresh.seal("token", "row");
  CHECK(text_in(ring(fresh.json()), box) == "token");
  CHECK(KeyRing::make().open(box, "row").ok() == false);

  const KeyRing again = ring(both().json());
  CHECK(again.current_id() == "new");
  CHECK(text_in(again, seal_secret(old_key, "row", "token")) == "token");
}

TEST_CASE("the keys of an existing directory are read unchanged", "[key_ring]") {
  // As the first version wrote them.
  const std::string file = R"({
  "keys": [
    {
      "id": "Z2X3vX6SQLu0vEJGSVHYDA",
      "key": "b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28"
    }
  ]
}
)";
  CHECK(text_in(ring(file), seal_secret(old_key, "row", "token")) == "token");
}

TEST_CASE("what a ring has signed", "[key_ring]") {
  const auto old = ring("{\"keys\":[" + entry("old", old_key) + "]}");
  const std::string signature = old.sign("text", "use");
  CHECK(signature.size() == 64);
  CHECK(old.sign("text", "use") == signature);
  CHECK(old.verify(signature, "text", "use"));

  SECTION("is for that text and that use alone") {
    CHECK_FALSE(old.verify(signature, "texts", "use"));
    CHECK_FALSE(old.verify(signature, "text", "another"));
    CHECK_FALSE(old.verify("", "text", "use"));
    CHECK_FALSE(old.verify(signature.substr(1), "text", "use"));
    CHECK_FALSE(KeyRing::make().verify(signature, "text", "use"));
  }
  SECTION("holds when another key signs, while the old one is there") {
    const auto both = ring("{\"current\":\"new\",\"keys\":[" + entry("old", old_key) + "," +
                           entry("new", new_key) + "]}");
    CHECK(both.sign("text", "use") != signature);
    CHECK(both.verify(signature, "text", "use"));
    CHECK(both.verify(both.sign("text", "use"), "text", "use"));
  }
}

TEST_CASE("what is no ring is refused, saying what is wrong", "[key_ring]") {
  const std::string good = entry("a", old_key);
  const auto [json, message] = GENERATE_COPY(table<std::string, std::string>({
      {"", "no JSON, at byte 0: The document is empty."},
      {"{\"keys\":", "no JSON, at byte 8: Invalid value."},
      {"[]", "holds no JSON object"},
      {"{}", "\"keys\" is missing"},
      {"{\"keys\":{}}", "\"keys\" is not a list"},
      {"{\"keys\":[]}", "\"keys\" is empty"},
      {"{\"keys\":[7]}", "an entry of \"keys\" is no object"},
      {"{\"keys\":[{\"key\":\"\"}]}", "\"id\" is missing"},
      {"{\"keys\":[{\"id\":7}]}", "\"id\" is not 1 to 64 letters, digits, '.', '_' and '-'"},
      {"{\"keys\":[{\"id\":\"a:b\"}]}", "\"id\" is not 1 to 64 letters, digits, '.', '_' and '-'"},
      {"{\"keys\":[{\"id\":\"a\"}]}", "\"key\" is missing"},
      {"{\"keys\":[" + entry("a", "short") + "]}", "\"key\" is not 32 bytes in base64"},
      {"{\"keys\":[{\"id\":\"a\",\"key\":\"***\"}]}", "\"key\" is not 32 bytes in base64"},
      {"{\"keys\":[" + good + "," + good + "]}", "two keys have \"id\" a"},
      {"{\"keys\":[" + good + "],\"current\":\"b\"}",
       "\"current\" names none of the keys, which are a"},
      {"{\"keys\":[" + good + "],\"current\":0}",
       "\"current\" names none of the keys, which are a"},
      {"{\"keys\":[" + good + "],\"curent\":\"a\"}",
       "\"curent\" is no field here: there are \"keys\", \"current\""},
  }));
  INFO(json);
  const auto parsed = KeyRing::parse(json);
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error() == Error{Errc::corrupt, message});
}

}  // namespace troupe
