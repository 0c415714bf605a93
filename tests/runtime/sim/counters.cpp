#include "tests/runtime/sim/counters.h"

#include "runtime/actor/envelope.h"
#include "runtime/store/table.h"

#include <sstream>
#include <utility>

namespace troupe::test {
namespace {

constexpr unsigned digits_max = 31;
constexpr std::uint64_t timer_amount = 1'000;

std::uint64_t digit_of(std::uint64_t sum, unsigned digit) {
  return (sum >> (2 * digit)) & 3;
}

std::string add(unsigned digit) {
  return "add " + std::to_string(std::uint64_t{1} << (2 * digit));
}

}  // namespace

Counters::Counters(Options options) : options_(options), host_(options_of(options)) {}

sim::SimOptions Counters::options_of(const Options& options) {
  sim::SimOptions sim;
  sim.seed = options.seed;
  sim.shards = options.shards;
  sim.faults = options.faults;
  sim.kinds = {toy_kind_in(world_)};
  sim.reply = [this](Reply reply) { answered(std::move(reply)); };
  sim.crashed = [this] { crashed(); };
  sim.report = [this](const std::string&, const std::string& event, const std::string& actor,
                      const std::string& detail) {
    reports_.push_back(event + " " + actor + ": " + detail);
  };
  return sim;
}

void Counters::run(std::uint64_t steps) {
  for (std::uint64_t i = 0; i < steps; ++i) {
    if (calls_.size() < options_.unanswered_max && sim::below(host_.random(), 4) == 0) command();
    host_.step();
  }
}

// Eight at a time; each until its digits are used.
std::string Counters::some_key() {
  const auto place = std::to_string(sim::below(host_.random(), 8));
  return "c" + place + "." + std::to_string(generation_);
}

Counters::Addition Counters::new_addition() {
  for (;; ++generation_) {
    const auto key = some_key();
    auto& digits = counters_[key].digits;
    if (digits.size() == digits_max) continue;
    digits.push_back(Fate::sent);
    return {key, static_cast<unsigned>(digits.size() - 1)};
  }
}

void Counters::command() {
  auto& random = host_.random();
  Call call;
  switch (sim::below(random, options_.timers ? 5 : 4)) {
    case 0: {  // at once
      const auto to = new_addition();
      call.asked = to.key;
      call.additions = {to};
      return ask(add(to.digit), std::move(call));
    }
    case 1: {  // through another
      const auto to = new_addition();
      call.asked = some_key();
      call.additions = {to};
      return ask("send " + to.key + " " + add(to.digit), std::move(call));
    }
    case 2: {  // through two others
      const auto to = new_addition();
      call.asked = some_key();
      call.additions = {to};
      return ask("send " + some_key() + " send " + to.key + " " + add(to.digit), std::move(call));
    }
    case 3: {
      call.asked = some_key();
      return ask("get", std::move(call));
    }
    default: {
      call.asked = call.timer = "t" + std::to_string(++last_timer_);
      call.shows = false;
      counters_[call.timer].has_timer = true;
      const auto ms = std::to_string(sim::below(random, 5'000));
      return ask("timer x " + ms + " 1", std::move(call));
    }
  }
}

void Counters::ask(const std::string& text, Call call) {
  const auto to = toy(call.asked);
  const auto number = ++last_call_;
  calls_[number] = std::move(call);
  host_.host().ask(to, line(text), {host_.edge(), number});
}

void Counters::answered(Reply reply) {
  const auto found = calls_.find(reply.to.call);
  if (found == calls_.end()) {
    findings_.push_back("call " + std::to_string(reply.to.call) +
                        " is answered again, or too late");
    return;
  }
  auto call = std::move(found->second);
  calls_.erase(found);
  if (!reply.body.ok()) {
    findings_.push_back(call.asked + ": " + reply.body.error().detail);
    return;
  }
  settle(call, Fate::acknowledged);
  const auto sum = std::stoull(line_of(reply.body.value()));
  if (call.shows) counters_[call.asked].seen |= sum;
  if (finishing_) final_[call.asked] = sum;
}

void Counters::crashed() {
  for (auto& [number, call] : std::exchange(calls_, {})) settle(call, Fate::unknown);
}

void Counters::settle(Call& call, Fate fate) {
  for (const auto& addition : call.additions) {
    counters_[addition.key].digits[addition.digit] = fate;
    (fate == Fate::acknowledged ? acknowledged_ : unknown_) += 1;
  }
  if (!call.timer.empty()) counters_[call.timer].timer = fate;
}

// A message that was under way at four crashes is parked: it will never arrive.
void Counters::read_dead_letters() {
  host_.host().snapshot()->scan(tables::dead_letters.id, {},
                                [this](std::string_view, WordSpan row) {
                                  const auto letter = decode_envelope(0, row);
                                  std::string text = line_of(letter.message.body);
                                  std::string key = letter.to.key;
                                  std::uint64_t amount = 0;
                                  for (std::istringstream in(text); in >> text;) {
                                    if (text == "send") in >> key;
                                    if (text == "add") in >> amount;
                                  }
                                  for (unsigned digit = 0; digit < digits_max; ++digit) {
                                    if (amount == std::uint64_t{1} << (2 * digit))
                                      counters_[key].lost[digit] = true;
                                  }
                                  return true;
                                });
}

std::vector<std::string> Counters::finish() {
  host_.set_faults({});
  constexpr std::uint64_t most = 1'000'000;
  std::uint64_t steps = 0;
  while (host_.step() && ++steps < most) {
  }
  if (steps == most) findings_.push_back("the work does not end");
  finishing_ = true;
  for (const auto& [key, counter] : counters_) {
    Call call;
    call.asked = key;
    call.shows = false;
    ask("get", std::move(call));
    if (!host_.settle(10'000)) findings_.push_back("an answer does not come");
  }
  read_dead_letters();
  for (const auto& [key, counter] : counters_) check(key, counter, final_[key]);
  const auto inbox = host_.host().snapshot()->count(tables::inbox.id);
  if (inbox != 0) findings_.push_back(std::to_string(inbox) + " messages stay in the inboxes");
  return findings_;
}

void Counters::check(const std::string& key, const Counter& counter, std::uint64_t sum) {
  const auto finding = [&](const std::string& what) {
    findings_.push_back(key + ": " + what + "; its sum is " + std::to_string(sum));
  };
  if (counter.has_timer) {
    const bool fired = sum == timer_amount;
    if (!fired && sum != 0) finding("its timer fired more than once");
    if (!fired && counter.timer == Fate::acknowledged) finding("its timer did not fire");
    return;
  }
  for (unsigned digit = 0; digit < counter.digits.size(); ++digit) {
    const auto times = digit_of(sum, digit);
    const auto name = "addition " + std::to_string(digit);
    if (times > 1) finding(name + " happened more than once");
    if (times == 0 && counter.digits[digit] == Fate::acknowledged &&
        !counter.lost.contains(digit)) {
      finding(name + " was acknowledged and is lost");
    }
    if (times == 0 && digit_of(counter.seen, digit) != 0) finding(name + " was shown and is lost");
    if (counter.digits[digit] == Fate::sent) finding(name + " was not answered");
  }
}

}  // namespace troupe::test
