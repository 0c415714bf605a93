#include "runtime/store/numbers.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <memory>
#include <vector>

using namespace troupe;

namespace {

constexpr std::uint64_t reserved_at_start = 10 * Numbers::block;

}  // namespace

TEST_CASE("numbers tell their shard and rise over all shards of a process", "[numbers]") {
  CHECK(rc::check([] {
    const auto shards = *rc::gen::inRange<std::uint32_t>(1, 5);
    const auto latest = std::make_shared<LatestCount>();
    std::vector<std::unique_ptr<Numbers>> numbers;
    for (std::uint32_t i = 0; i < shards; ++i) {
      // Each begins where its own store left off.
      const auto used = *rc::gen::inRange<std::uint64_t>(0, 1'000);
      numbers.push_back(std::make_unique<Numbers>(used, i, shards, latest));
      numbers.back()->set_reserved(reserved_at_start);
    }
    std::uint64_t last = 0;
    for (const auto from : *rc::gen::container<std::vector<std::uint32_t>>(
             rc::gen::inRange<std::uint32_t>(0, shards))) {
      const auto number = numbers[from]->next();
      RC_ASSERT(number > last);
      RC_ASSERT(shard_of_number(number, shards) == from);
      last = number;
    }
  }));
}

TEST_CASE("a shard that lags keeps to what is reserved, and catches up with one commit",
          "[numbers]") {
  const auto latest = std::make_shared<LatestCount>();
  Numbers busy(0, 0, 2, latest);
  Numbers idle(0, 1, 2, latest);
  busy.set_reserved(reserved_at_start);
  idle.set_reserved(idle.wanted());
  std::uint64_t last = 0;
  for (std::uint64_t n = 0; n < 2 * Numbers::block; ++n) last = busy.next();

  const auto behind = idle.next();
  CHECK(behind < last);
  CHECK(behind / 2 <= Numbers::block);
  CHECK(idle.next() > behind);

  idle.set_reserved(idle.wanted());
  CHECK(idle.next() > last);
  CHECK(busy.next() > last);
}
