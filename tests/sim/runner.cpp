#include "tests/sim/runner.h"

#include "runtime/base/json_writer.h"

#include <fmt/format.h>

#include <cstdlib>

namespace troupe::sim {
namespace {

constexpr std::uint64_t seeds_by_default = 500;

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : std::strtoull(value, nullptr, 10);
}

struct Part {
  std::uint64_t index = 0;
  std::uint64_t count = 1;
};

Part part_from_environment() {
  const char* value = std::getenv("TROUPE_SIM_PART");
  if (value == nullptr) return {};
  char* rest = nullptr;
  Part part;
  part.index = std::strtoull(value, &rest, 10);
  if (*rest == '/') part.count = std::max<std::uint64_t>(std::strtoull(rest + 1, nullptr, 10), 1);
  return part;
}

}  // namespace

Plan plan_from_environment() {
  Plan plan;
  plan.steps = number_from("TROUPE_SIM_STEPS", plan.steps);
  if (const auto seed = number_from("TROUPE_SIM_SEED", 0); seed != 0) {
    plan.seeds = {seed};
    return plan;
  }
  const auto count = number_from("TROUPE_SIM_SEEDS", seeds_by_default);
  const Part part = part_from_environment();
  for (auto i = count * part.index / part.count; i < count * (part.index + 1) / part.count; ++i) {
    plan.seeds.push_back(i + 1);
  }
  return plan;
}

void Totals::add(const Report& report) {
  seeds += 1;
  steps += report.counts.steps;
  commands += report.commands;
  tasks += report.tasks;
  commits += report.counts.commits;
  timers += report.counts.timers;
  passivations += report.counts.passivations;
  crashes += report.counts.crashes;
  recovery_crashes += report.counts.recovery_crashes;
  clock_steps += report.counts.clock_steps;
  torn += report.counts.torn;
  disk_full += report.counts.disk_full;
  violations += report.violations.size();
  for (const auto& [reason, count] : report.endings) endings[reason] += count;
  for (const auto& [verb, count] : report.accepted) accepted[verb] += count;
}

std::string Totals::text() const {
  return fmt::format(
      "sim: {} seeds, {} steps, {} commands, {} tasks, {} commits, {} timers, {} passivations, "
      "{} crashes ({} in a recovery), {} torn batches, {} full disks, {} clock steps, "
      "{} violations",
      seeds, steps, commands, tasks, commits, timers, passivations, crashes, recovery_crashes, torn,
      disk_full, clock_steps, violations);
}

std::string Totals::json() const {
  JsonWriter json;
  json.begin_object();
  const auto number = [&json](const char* name, std::uint64_t value) {
    json.key(name).int64(static_cast<std::int64_t>(value));
  };
  number("seeds", seeds);
  number("steps", steps);
  number("commands", commands);
  number("tasks", tasks);
  number("commits", commits);
  number("timers", timers);
  number("passivations", passivations);
  number("crashes", crashes);
  number("recovery_crashes", recovery_crashes);
  number("torn_batches", torn);
  number("full_disks", disk_full);
  number("clock_steps", clock_steps);
  number("violations", violations);
  json.end_object();
  return json.take();
}

std::string describe(const Report& report, std::uint64_t steps) {
  std::string text = fmt::format("seed {}, step {}:\n", report.seed, report.steps);
  for (const std::string& violation : report.violations) text += "  " + violation + "\n";
  text += fmt::format(
      "repeat: TROUPE_SIM_SEED={} TROUPE_SIM_STEPS={} build/release/tests/sim/sim_test\nbefore:\n",
      report.seed, steps);
  for (const std::string& line : report.trace) text += "  " + line + "\n";
  return text;
}

}  // namespace troupe::sim
