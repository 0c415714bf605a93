// What operators do with messages that no handler could process.
#include "runtime/actor/dead_letters.h"
#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"
#include "tests/runtime/actor/host_support.h"

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

/// Collects the outcome of one call.
struct Outcome {
  Signal settled;
  Status status{Done{}};

  std::function<void(Status)> callback() {
    return [this](const Status& outcome) {
      status = outcome;
      settled.raise();
    };
  }
};

std::vector<DeadLetter> letters(ToyHost& toys) {
  std::vector<DeadLetter> found;
  scan_dead_letters(*toys.host->snapshot(), 0, [&](const DeadLetter& letter) {
    found.push_back(letter);
    return true;
  });
  return found;
}

// Has a message parked that would work now; answers its number.
std::uint64_t park(ToyHost& toys, const std::string& command) {
  toys.world.fail_next(3);
  const auto before = toys.reports.count("message_parked");
  toys.ask("a", command);
  toys.reports.wait("message_parked", before + 1);
  toys.ask("b", "get");  // waits for the disk
  toys.ask("a", "get");
  return letters(toys).back().delivery.number;
}

std::uint64_t parked(ToyHost& toys) {
  return toys.host->snapshot()->count(tables::dead_letters.id);
}

}  // namespace

TEST_CASE("a dead letter that is retried is handled as if new", "[dead_letters]") {
  ToyHost toys;
  const auto number = park(toys, "send b flaky 5");
  CHECK(toys.ask("b", "get") == "0");
  const auto letter = find_dead_letter(*toys.host->snapshot(), number);
  REQUIRE(letter.has_value());
  CHECK(letter->delivery.to == toy("b"));
  CHECK(letter->delivery.message.from == toy("a"));
  CHECK(letter->delivery.attempts == 3);
  CHECK(letter->error == "flaky");
  CHECK(letter->parked == toys.clock.wall_now());

  Outcome outcome;
  SECTION("and works") {
    toys.host->retry_dead_letter(number, outcome.callback());
    outcome.settled.wait();
    CHECK(outcome.status.ok());
    CHECK(toys.ask("b", "get") == "5");
    CHECK(parked(toys) == 0);
  }
  SECTION("twice at once, and works once") {
    Outcome second;
    toys.host->retry_dead_letter(number, outcome.callback());
    toys.host->retry_dead_letter(number, second.callback());
    outcome.settled.wait();
    second.settled.wait();
    CHECK(outcome.status.ok());
    REQUIRE_FALSE(second.status.ok());
    CHECK(second.status.error().code == Errc::not_found);
    CHECK(toys.ask("b", "get") == "5");
  }
  SECTION("and fails three times more") {
    toys.world.fail_next(3);
    toys.host->retry_dead_letter(number, outcome.callback());
    toys.reports.wait("message_parked b", 2);
    CHECK(toys.ask("b", "get") == "0");
    REQUIRE(parked(toys) == 1);
    CHECK(letters(toys)[0].delivery.number == number);
  }
  SECTION("and is lost to a crash, but not for long") {
    // What the transaction of a retry leaves, before the message is handled.
    DeadLetter again = *letter;
    again.delivery.attempts = 0;
    toys.host->commit_rows(
        {{tables::inbox.id, KeyWriter().u64(number).key(), encode_envelope(again.delivery)},
         {tables::dead_letters.id, KeyWriter().u64(number).key(), std::nullopt}});
    toys.ask("a", "get");
    toys.restart();
    CHECK(toys.ask("b", "get") == "5");
  }
  CHECK(toys.host->snapshot()->count(tables::inbox.id) == 0);
}

TEST_CASE("a timer that was parked is retried as a timer", "[dead_letters]") {
  ToyHost toys;
  toys.ask("a", "add 1");
  toys.ask("a", "timer soon 1000 7");
  toys.world.break_timers(true);
  toys.clock.advance(Duration{1'000});
  toys.ask("b", "timer poke 0 1");
  toys.reports.wait("message_parked a");
  toys.world.break_timers(false);
  CHECK(toys.ask("a", "get") == "1");
  const auto found = letters(toys);
  const auto of_a = std::find_if(found.begin(), found.end(),
                                 [](const auto& l) { return l.delivery.to == toy("a"); });
  REQUIRE(of_a != found.end());
  CHECK(of_a->delivery.message.source == Message::Source::timer);
  CHECK(of_a->delivery.message.timer == "soon");
  CHECK(of_a->delivery.message.attempt == 7);
  Outcome outcome;
  toys.host->retry_dead_letter(of_a->delivery.number, outcome.callback());
  outcome.settled.wait();
  CHECK(outcome.status.ok());
  CHECK(toys.ask("a", "get") == "1001");
  CHECK(toys.host->snapshot()->count(tables::inbox.id) == 0);
}

TEST_CASE("a dead letter that is discarded is gone", "[dead_letters]") {
  ToyHost toys;
  const auto number = park(toys, "send b flaky 5");
  Outcome outcome;
  toys.host->discard_dead_letter(number, outcome.callback());
  outcome.settled.wait();
  CHECK(outcome.status.ok());
  CHECK(parked(toys) == 0);
  CHECK(toys.ask("b", "get") == "0");
  CHECK(toys.host->stats().dead_letters == 0);
  Outcome again;
  toys.host->discard_dead_letter(number, again.callback());
  again.settled.wait();
  CHECK_FALSE(again.status.ok());
}
