// A workload for the simulation: clients that tell toy counters to add, and what must be true of
// the sums however often the process dies.
//
// Each addition is a digit of its own in base four, so a sum says which have happened: 0 never,
// 1 once, 2 or 3 too often. Of an acknowledged one the digit is 1 for ever; of one whose answer was
// lost with the process, 0 or 1.
#pragma once

#include "runtime/sim/sim_host.h"
#include "tests/runtime/actor/toy.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace troupe::test {

class Counters {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::uint32_t shards = 1;
    sim::Faults faults;
    std::size_t unanswered_max = 12;
    bool timers = true;
  };

  explicit Counters(Options options);

  /// Steps, with new commands all along.
  void run(std::uint64_t steps);

  /// Ends the faults, lets all work end and looks at all sums. What is wrong, in words.
  std::vector<std::string> finish();

  sim::SimHost& host() { return host_; }
  const ToyWorld& world() const { return world_; }
  /// Additions whose answer came.
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t unknown() const { return unknown_; }
  const std::vector<std::string>& reports() const { return reports_; }

 private:
  enum class Fate : std::uint8_t { sent, acknowledged, unknown };
  struct Addition {
    std::string key;
    unsigned digit = 0;
  };
  struct Counter {
    std::vector<Fate> digits;       // of its additions
    std::uint64_t seen = 0;         // digits that some answer showed
    std::map<unsigned, bool> lost;  // became dead letters
    Fate timer = Fate::unknown;
    bool has_timer = false;
  };
  struct Call {
    std::string asked;  // whose sum the answer is
    std::vector<Addition> additions;
    std::string timer;  // the counter of the timer that it sets
    bool shows = true;  // the answer is the sum of `asked`, in digits
  };

  sim::SimOptions options_of(const Options& options);
  std::string some_key();
  Addition new_addition();
  void command();
  void ask(const std::string& text, Call call);
  void answered(Reply reply);
  void crashed();
  void settle(Call& call, Fate fate);
  void read_dead_letters();
  void check(const std::string& key, const Counter& counter, std::uint64_t sum);

  const Options options_;
  ToyWorld world_;
  std::map<std::string, Counter> counters_;
  std::map<std::uint64_t, Call> calls_;         // unanswered
  std::map<std::string, std::uint64_t> final_;  // sums, as answered at the end
  std::vector<std::string> reports_;
  std::vector<std::string> findings_;
  std::uint64_t last_call_ = 0;
  std::uint64_t last_timer_ = 0;
  std::uint64_t generation_ = 0;  // of keys: counters fill up
  std::uint64_t acknowledged_ = 0;
  std::uint64_t unknown_ = 0;
  bool finishing_ = false;
  sim::SimHost host_;  // last: it calls back
};

}  // namespace troupe::test
