// Processes as /proc shows them: who descends from whom.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace troupe::worker {

/// All living descendants of `root`, without `root` and without zombies.
std::vector<pid_t> descendants(pid_t root);

/// SIGKILLs all descendants of `root` that there are now. Stops them first, so that none forks away
/// meanwhile. Returns how many there were: call again until none is left.
std::size_t kill_descendants(pid_t root);

}  // namespace troupe::worker
