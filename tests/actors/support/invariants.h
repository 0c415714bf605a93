// The invariants that the states of the actors promise, checked on their rows.
#pragma once

#include "actors/task/state.h"
#include "tests/actors/support/rows.h"

#include <map>
#include <string>
#include <vector>

namespace troupe::test {

using TimersByName = std::map<std::string, TimerChange>;

/// T1 to T5, the number of needs, and that a resolved run never changes. `before` has no rows for a
/// task that is new. Returns what is broken.
std::vector<std::string> broken_in_task(const task::TaskState& before,
                                        const task::TaskState& after,
                                        const MemoryRows& rows,
                                        const TimersByName& timers);
/// G1, and that members are counted.
std::vector<std::string> broken_in_group(const MemoryRows& rows);
/// Q2 and Q4.
std::vector<std::string> broken_in_queue(const MemoryRows& rows);
/// W1: only at rest, since a lease that fires is over before its claims are.
std::vector<std::string> broken_in_worker(const MemoryRows& rows, const TimersByName& timers);

/// The task as its rows have it; `exists` is false without any.
task::TaskState read_task(const Rows& rows);

}  // namespace troupe::test
