#include "actors/task/explain_queue.h"

#include "actors/task/explain_reasons.h"
#include "actors/task/explain_task.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "actors/worker/summary.h"
#include "runtime/base/counted.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::task {
namespace {

using Out = schema::Explanation::Builder;

constexpr std::size_t staff_max = 20;  // workers that are shown

/// What waits, the worst first.
struct Waiting {
  std::vector<Reason> reasons;
  std::uint64_t pending = 0;
  std::uint64_t looked_at = 0;
  std::size_t more = 0;  // reasons that are not among those
};

Waiting look_at(Sight& sight, const std::string& id, std::size_t most) {
  Waiting waiting;
  const auto& queue = sight.queue(id).queue();
  if (!queue) return waiting;
  auto survey = task_queue::survey_waiting(sight.snapshot, *queue, most);
  waiting.pending = queue->pending;
  waiting.looked_at = survey.looked_at;
  std::ranges::stable_sort(survey.groups, std::ranges::greater{},
                           &task_queue::WaitingGroup::entries);
  for (const auto& group : survey.groups) {
    if (waiting.reasons.size() == reasons_max) {
      waiting.more += 1;
      continue;
    }
    // Its task knows it as pending in the same commit.
    if (!find_task(sight.snapshot, group.first.task_id)) continue;
    waiting.reasons.push_back(
        explain_example(sight, group.first.task_id, group.entries, "about to start"));
  }
  sort_reasons(waiting.reasons);
  return waiting;
}

// `2 workers (1 drained, 1 paused)`.
std::string staff_text(const worker::Staffing& staff) {
  if (staff.connected == 0) return "no worker";
  std::vector<std::string> parts;
  const auto add = [&parts](std::size_t count, const char* what) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  add(staff.drained, "drained");
  add(staff.held, "in quarantine");
  add(staff.paused - staff.drained - staff.held, "paused");
  std::string text = counted(staff.connected, "worker");
  if (!parts.empty()) text += fmt::format(" ({})", fmt::join(parts, ", "));
  return text;
}

std::string figures_text(const Waiting& waiting, const worker::Staffing& staff) {
  std::string text =
      fmt::format("{} pending, {} running, {}", waiting.pending, staff.claims, staff_text(staff));
  if (waiting.looked_at < waiting.pending) {
    text += fmt::format("; of {} of those pending", waiting.looked_at);
  }
  return text;
}

void explain_waiting(const Waiting& waiting, const std::string& figures, Out out) {
  const Reason& worst = waiting.reasons.front();
  const std::string more =
      waiting.more > 0 ? fmt::format(", and {}", counted(waiting.more, "more reason")) : "";
  fill_members(waiting.reasons, out);
  say(out, worst.code.c_str(),
      fmt::format("{}: {}{}; {}: {}", figures, counts_text(waiting.reasons), more, worst.name,
                  worst.message),
      worst.help);
}

// The first of them, those that are there before the others.
void fill_staff(const Snapshot& snapshot, const std::string& id, Instant now, Out out) {
  std::string next;
  auto workers = worker::list_workers(snapshot, id, Page{}, next);
  std::erase_if(workers, [now](const auto& w) { return !worker::is_known(w, now); });
  std::ranges::stable_sort(workers, std::ranges::greater{},
                           [now](const auto& w) { return w.is_there(now); });
  auto staff = out.initStaff(static_cast<unsigned>(std::min(workers.size(), staff_max)));
  for (unsigned i = 0; i < staff.size(); ++i) worker::fill_summary(workers[i], now, staff[i]);
}

}  // namespace

void explain_queue(const Snapshot& snapshot,
                   const std::string& id,
                   Instant now,
                   Out out,
                   std::size_t looked_at_max) {
  Sight sight(snapshot, now);
  const worker::Staffing& staff = sight.queue(id).staff();
  const Waiting waiting = look_at(sight, id, looked_at_max);
  out.setWorkers(static_cast<std::int64_t>(staff.connected));
  out.setLookedAt(static_cast<std::int64_t>(waiting.looked_at));
  fill_staff(snapshot, id, now, out);
  const std::string figures = figures_text(waiting, staff);
  if (!waiting.reasons.empty()) return explain_waiting(waiting, figures, out);
  if (staff.connected == 0) return explain_no_worker(sight, id, out);
  if (staff.paused == staff.connected) {
    return say(out, "workers-paused", figures + "; " + paused_text(staff),
               "see to what it says, or start another worker");
  }
  say(out, "", staff.paused > 0 ? figures + "; " + paused_text(staff) : figures, "");
}

}  // namespace troupe::task
