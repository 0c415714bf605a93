#include "actors/task/explain_reasons.h"

#include "actors/task/explain_task.h"

#include <capnp/message.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace troupe::task {
namespace {

// Reasons that somebody has to do something about come first, what merely takes time last.
constexpr std::string_view codes[] = {
    "no-worker", "workers-paused", "blocked-by-failure", "deadline", "not-scheduled",
    "resources", "concurrency",    "workers-busy",       "blocked",  ""};
constexpr std::ptrdiff_t patient_codes = 7;  // from here on: waits its turn

std::ptrdiff_t rank(const std::string& code) {
  return std::ranges::find(codes, code) - std::begin(codes);
}

}  // namespace

bool Reason::is_patient() const {
  return rank(code) >= patient_codes;
}

Reason explain_example(Sight& sight,
                       const std::string& task_id,
                       std::size_t tasks,
                       const std::string& well) {
  capnp::MallocMessageBuilder scratch;
  auto explanation = scratch.initRoot<schema::Explanation>();
  auto task = find_task(sight.snapshot, task_id);
  explain_task(sight, *task, explanation);
  const auto said = explanation.asReader();
  Reason reason;
  reason.code = str(said.getCode());
  reason.label = reason.code.empty() ? well : reason.code;
  reason.message = str(said.getMessage());
  reason.help = str(said.getHelp());
  reason.tasks = tasks;
  reason.task_id = task_id;
  reason.name = str(task->row().getName());
  return reason;
}

void sort_reasons(std::vector<Reason>& reasons) {
  std::ranges::stable_sort(reasons, {}, [](const Reason& r) {
    return std::pair(rank(r.code), -static_cast<std::ptrdiff_t>(r.tasks));
  });
}

std::string counts_text(const std::vector<Reason>& reasons) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const Reason& reason : reasons) {
    if (counts.empty() || counts.back().first != reason.label) counts.emplace_back(reason.label, 0);
    counts.back().second += reason.tasks;
  }
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [label, tasks] : counts) parts.push_back(fmt::format("{} {}", tasks, label));
  return fmt::format("{}", fmt::join(parts, ", "));
}

void fill_members(const std::vector<Reason>& reasons, schema::Explanation::Builder out) {
  auto members = out.initMembers(static_cast<unsigned>(reasons.size()));
  for (unsigned i = 0; i < members.size(); ++i) {
    members[i].setCode(text(reasons[i].code));
    members[i].setTasks(reasons[i].tasks);
    members[i].setTaskId(text(reasons[i].task_id));
    members[i].setName(text(reasons[i].name));
    members[i].setMessage(text(reasons[i].message));
  }
}

}  // namespace troupe::task
