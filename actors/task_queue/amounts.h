// What runs use up while they run, and what workers have of it: processors, memory, tokens.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace troupe::task_queue {

/// By name: `cpu` in thousandths of a processor, `memory` in bytes, any other as a number of
/// tokens. What is not named is none.
using Amounts = std::map<std::string, std::uint64_t>;

void add(Amounts& total, const Amounts& more);
/// Takes away what `add` has added.
void subtract(Amounts& total, const Amounts& less);

/// Whether all of `demands` is free: offered, and not used.
bool fits(const Amounts& demands, const Amounts& offered, const Amounts& used);

/// The lane of entries with these demands: a text that others do not have.
std::string lane_of(const Amounts& demands);

}  // namespace troupe::task_queue
