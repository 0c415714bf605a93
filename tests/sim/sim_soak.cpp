// Worlds without end: fresh seeds until the time is over or something is violated. Prints the
// totals as JSON.
//
//   sim_soak SECONDS FIRST_SEED STRIDE
#include "runtime/clock/stopwatch.h"
#include "tests/sim/runner.h"

#include <cstdio>
#include <cstdlib>

namespace {

int usage() {
  std::fputs("usage: sim_soak SECONDS FIRST_SEED STRIDE\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return usage();
  const double seconds = std::strtod(argv[1], nullptr);
  const auto first = std::strtoull(argv[2], nullptr, 10);
  const auto stride = std::strtoull(argv[3], nullptr, 10);
  if (first == 0 || stride == 0) return usage();
  const auto steps = troupe::sim::plan_from_environment().steps;
  const troupe::Stopwatch time;
  troupe::sim::Totals totals;
  for (auto seed = first; time.seconds() < seconds && totals.violations == 0; seed += stride) {
    const auto report = troupe::sim::World({seed, steps}).run();
    totals.add(report);
    if (report.violations.empty()) continue;
    std::fputs(troupe::sim::describe(report, steps).c_str(), stderr);
  }
  std::puts(totals.json().c_str());
  return totals.violations == 0 ? 0 : 1;
}
