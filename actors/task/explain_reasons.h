// Many tasks by what they wait for: counted, with one of each explained in full. Shared by what is
// said of groups and of queues.
#pragma once

#include "actors/task/explain_sight.h"
#include "actors/task/queries.h"
#include "schema/api/troupe.capnp.h"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::task {

/// An explanation names no more than these.
inline constexpr std::size_t reasons_max = 20;

struct Reason {
  std::string code;   // as of an explanation; empty: nothing is wrong
  std::string label;  // the code, or what is well with them
  std::string message;
  std::string help;
  std::size_t tasks = 0;
  std::string task_id;  // an example
  std::string name;     // its name

  /// Whether they merely wait their turn.
  bool is_patient() const;
};

/// What is said of an example, for `tasks` like it. Requires that there is such a task. `well` is
/// the label where nothing is wrong.
Reason explain_example(Sight& sight,
                       const std::string& task_id,
                       std::size_t tasks,
                       const std::string& well);

/// The worst first; of a kind, those of most tasks.
void sort_reasons(std::vector<Reason>& reasons);

/// `2 no-worker, 3 blocked, 1 running`, of sorted ones.
std::string counts_text(const std::vector<Reason>& reasons);

void fill_members(const std::vector<Reason>& reasons, schema::Explanation::Builder out);

}  // namespace troupe::task
