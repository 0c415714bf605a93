#include "runtime/sim/sim_host.h"

#include "tests/runtime/sim/counters.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

namespace troupe::test {
namespace {

constexpr sim::Faults all_faults{1, 10, 10, 5};

void require_none(const std::vector<std::string>& findings, std::uint64_t seed) {
  INFO("seed " << seed);
  for (const auto& finding : findings) UNSCOPED_INFO(finding);
  REQUIRE(findings.empty());
}

TEST_CASE("additions happen once, whatever happens to the process", "[sim]") {
  const auto shards = GENERATE(1U, 3U);
  sim::SimCounts sum;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Counters counters({seed, shards, all_faults});
    counters.run(5'000);
    require_none(counters.finish(), seed);
    const auto counts = counters.host().counts();
    sum.crashes += counts.crashes;
    sum.torn += counts.torn;
    sum.disk_full += counts.disk_full;
    sum.syncs_failed += counts.syncs_failed;
    sum.timers += counts.timers;
    sum.passivations += counts.passivations;
    CHECK(counters.acknowledged() > 200);
  }
  CHECK(sum.crashes > 200);
  CHECK(sum.torn > 20);
  CHECK(sum.disk_full > 50);
  CHECK(sum.syncs_failed > 20);
  CHECK(sum.timers > 1'000);
  CHECK(sum.passivations > 1'000);
}

std::string hash_of(std::uint64_t seed) {
  Counters counters({seed, 1 + static_cast<std::uint32_t>(seed % 3), all_faults});
  counters.run(2'000);
  return counters.host().state_hash();
}

constexpr std::uint64_t repeated_seeds = 20;

std::string all_hashes() {
  std::string hashes;
  for (std::uint64_t seed = 1; seed <= repeated_seeds; ++seed) hashes += hash_of(seed) + "\n";
  return hashes;
}

/// What a program prints on its standard error.
std::string errors_of(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1 >/dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 4'096> buffer{};
  while (const auto size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), size);
  }
  REQUIRE(pclose(pipe) == 0);
  return output;
}

TEST_CASE("prints the hashes, for a comparison", "[.][hashes]") {
  std::cerr << all_hashes();
}

TEST_CASE("a seed leads to the same state, in another process too", "[sim]") {
  const auto hashes = all_hashes();
  CHECK(all_hashes() == hashes);
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  CHECK(errors_of(self + " '[hashes]'") == hashes);
}

TEST_CASE("another seed leads to another state", "[sim]") {
  CHECK(hash_of(3) != hash_of(6));
}

/// One edge of its own, for what the workload does not do.
struct Bench {
  explicit Bench(std::uint32_t shards = 1, sim::Faults faults = {}) {
    sim::SimOptions options;
    options.kinds = {toy_kind_in(world)};
    options.shards = shards;
    options.faults = faults;
    options.reply = [this](Reply reply) { replies.push_back(std::move(reply)); };
    host = std::make_unique<sim::SimHost>(std::move(options));
  }
  void tell(const std::string& key, const std::string& text) {
    host->host().ask(toy(key), line(text), {host->edge(), ++calls});
  }
  /// The answer, or how the command was refused; nothing while it waits.
  std::optional<std::string> ask(const std::string& key, const std::string& text) {
    tell(key, text);
    REQUIRE(host->settle(100'000));
    if (replies.empty() || replies.back().to.call != calls) return std::nullopt;
    const auto& body = replies.back().body;
    return body.ok() ? line_of(body.value()) : body.error().detail;
  }

  ToyWorld world;
  std::vector<Reply> replies;
  std::uint64_t calls = 0;
  std::unique_ptr<sim::SimHost> host;
};

TEST_CASE("messages between two actors keep their order, others do not", "[sim]") {
  const auto shards = GENERATE(1U, 3U);
  Bench bench(shards);
  for (int i = 0; i < 200; ++i) {
    const auto from = "from" + std::to_string(i % 4);
    bench.tell(from, "send to add " + std::to_string(i));
  }
  REQUIRE(bench.host->settle(100'000));
  std::map<std::string, std::vector<std::string>> sent;  // by sender, in its order
  std::map<std::string, std::vector<std::string>> received;
  std::vector<int> all;
  for (const auto& one : bench.world.lines()) {
    const auto amount = one.substr(one.rfind(' ') + 1);
    const auto from = "from" + std::to_string(std::stoi(amount) % 4);
    if (one.starts_with("to:")) {
      received[from].push_back(amount);
      all.push_back(std::stoi(amount));
    } else {
      sent[from].push_back(amount);
    }
  }
  CHECK(all.size() == 200);
  CHECK(sent == received);
  CHECK_FALSE(std::is_sorted(all.begin(), all.end()));
}

TEST_CASE("a crash lands nothing and answers nobody", "[sim]") {
  Bench bench;
  CHECK(bench.ask("a", "add 1") == "1");
  bench.replies.clear();
  const auto handled = bench.world.lines().size();
  for (int i = 0; i < 20; ++i) bench.tell("a", "add 1");
  bench.host->crash();
  CHECK(bench.world.lines().size() == handled);
  REQUIRE(bench.host->settle(100'000));
  CHECK(bench.replies.empty());
  CHECK(bench.ask("a", "get") == "1");
  CHECK(bench.host->counts().crashes == 1);
}

TEST_CASE("a commit that a crash tears has happened or not", "[sim]") {
  int kept = 0;
  for (int i = 1; i <= 100; ++i) {
    Bench bench;
    for (std::uint64_t n = 0; n < 5; ++n) CHECK(bench.ask("a", "add 1"));
    bench.host->random().seed(static_cast<std::uint64_t>(i));
    bench.host->set_faults({0, 1'000, 0, 0});
    bench.tell("a", "add 1");
    while (bench.host->counts().crashes == 0) REQUIRE(bench.host->step());
    bench.host->set_faults({});
    const auto sum = bench.ask("a", "get");
    const bool whole = sum == "6";
    CHECK((whole || sum == "5"));
    kept += whole ? 1 : 0;
    CHECK(bench.ask("a", "add 1") == (whole ? "7" : "6"));
  }
  CHECK(kept > 10);
  CHECK(kept < 60);
}

TEST_CASE("a full disk is waited for: answers come late, none is lost", "[sim]") {
  Bench bench(1, {0, 0, 300, 0});
  for (int i = 0; i < 50; ++i) {
    bench.tell("a", "add 1");
    for (int steps = 0; steps < 50; ++steps) bench.host->step();
  }
  CHECK(bench.host->counts().disk_full > 10);
  bench.host->set_faults({});
  CHECK(bench.ask("a", "get") == "50");
  CHECK(bench.replies.size() == 51);
  CHECK(bench.host->counts().crashes == 0);
}

TEST_CASE("a failed sync ends the process, whatever of it is on disk", "[sim]") {
  Bench bench(3, {0, 0, 0, 1'000});
  bench.tell("a", "add 1");
  while (bench.host->counts().crashes == 0) REQUIRE(bench.host->step());
  CHECK(bench.host->counts().syncs_failed == 1);
  CHECK(bench.replies.empty());
  bench.host->set_faults({});
  const auto sum = bench.ask("a", "get");
  CHECK((sum == "0" || sum == "1"));
}

TEST_CASE("when nothing is left, the clock goes to the next timer or wake-up", "[sim]") {
  Bench bench;
  const auto begin = bench.host->clock().wall_now();
  CHECK(bench.ask("a", "timer x 60000 1") == "0");
  CHECK(bench.host->clock().wall_now() == begin);
  bench.host->wake_at(bench.host->clock().elapsed() + Duration{1'000});
  while (bench.host->clock().wall_now() < begin + Duration{1'000}) REQUIRE(bench.host->step());
  CHECK(bench.host->counts().timers == 0);
  while (bench.host->step()) {
  }
  CHECK(bench.host->counts().timers == 1);
  CHECK(bench.host->clock().wall_now() >= begin + Duration{60'000});
  CHECK(bench.ask("a", "get") == "1000");
}

}  // namespace
}  // namespace troupe::test
