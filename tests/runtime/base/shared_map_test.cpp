#include "runtime/base/shared_map.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;

namespace {

using Model = std::map<int, std::string>;
using Shared = SharedMap<int, std::string>;

void check_same(const Shared& map, const Model& model) {
  RC_ASSERT(map.size() == model.size());
  RC_ASSERT(map.empty() == model.empty());
  auto expected = model.begin();
  for (const auto& [key, value] : map) {
    RC_ASSERT(expected != model.end());
    RC_ASSERT(key == expected->first);
    RC_ASSERT(value == expected->second);
    RC_ASSERT(map.find(key)->second == value);
    ++expected;
  }
}

}  // namespace

TEST_CASE("a shared map is a map, and its copies stay what they were", "[shared_map]") {
  rc::prop("of puts, erasures and copies", [] {
    Shared map;
    Model model;
    std::vector<std::pair<Shared, Model>> copies;
    const int steps = *rc::gen::inRange(0, 600);
    for (int i = 0; i < steps; ++i) {
      const int key = *rc::gen::inRange(0, 400);
      switch (*rc::gen::inRange(0, 8)) {
        case 0:
        case 1:
        case 2:
          map.erase(key);
          model.erase(key);
          break;
        case 3:
          if (copies.size() < 5) copies.emplace_back(map, model);
          break;
        default:
          map.insert_or_assign(key, std::to_string(i));
          model.insert_or_assign(key, std::to_string(i));
      }
      RC_ASSERT(map.contains(key) == model.contains(key));
    }
    check_same(map, model);
    for (const auto& [copy, was] : copies) check_same(copy, was);
    Shared again;
    for (const auto& [key, value] : model) again.insert_or_assign(key, value);
    RC_ASSERT(again == map);
  });
}

TEST_CASE("a map without entries", "[shared_map]") {
  Shared map;
  CHECK(map.begin() == map.end());
  CHECK(map.find(1) == map.end());
  map.erase(1);
  map.insert_or_assign(1, "a");
  map.erase(1);
  CHECK(map.empty());
  CHECK(map.begin() == map.end());
}
