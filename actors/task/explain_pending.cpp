#include "actors/task/explain_pending.h"

#include "actors/task/explain_task.h"
#include "runtime/base/counted.h"
#include "runtime/base/size.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::task {
namespace {

using Out = schema::Explanation::Builder;
using task_queue::Amounts;

constexpr std::size_t ahead_max = 10'000;
constexpr std::size_t holders_max = 5;  // of a limit, that are named
constexpr std::size_t claims_min = 4;   // of fewer nothing is foretold

/// All that the explanation looks at.
struct Pending {
  Sight& sight;
  std::string queue_id;
  QueueSight& queue;
  std::optional<task_queue::EntryView> entry;
  std::size_t ahead = 0;
};

// ---- A concurrency limit ----

// Of very many claims only some are looked at.
std::vector<std::string> holders_of(const Pending& p, const std::string& concurrency_key) {
  std::vector<std::string> holders;
  const Snapshot& snapshot = p.sight.snapshot;
  worker::visit_claims(snapshot, p.queue_id, [&](const std::string&, const auto& claim) {
    if (holders.size() == holders_max || !p.sight.may_look()) return false;
    const std::string id = str(claim.getTaskId());
    auto task = find_task(snapshot, id);
    if (task && view(task->row().getConcurrencyKey()) == concurrency_key) {
      holders.push_back(fmt::format("{} ({})", str(task->row().getName()), id));
    }
    return true;
  });
  return holders;
}

void explain_limit(const Pending& p, Out out) {
  const auto holders = holders_of(p, p.entry->entry.concurrency_key);
  const std::string who = holders.empty() ? fmt::format("claimed so far: {}", p.entry->claimed)
                                          : fmt::format("running: {}", fmt::join(holders, ", "));
  say(out, "concurrency",
      fmt::format("tasks with the concurrency key \"{}\" run {} at once; {}",
                  p.entry->entry.concurrency_key, p.entry->limit, who),
      "wait until one of them ends, or create tasks with a higher `extra.concurrency.limit`");
}

// ---- Resources ----

std::string amount_text(const std::string& name, std::uint64_t amount) {
  if (name == "cpu") return fmt::format("cpu {:g}", static_cast<double>(amount) / 1'000);
  if (name == "memory") return fmt::format("memory {}", format_size(amount));
  return fmt::format("{} {}", name, amount);
}

std::string amounts_text(const Amounts& amounts) {
  std::vector<std::string> parts;
  for (const auto& [name, amount] : amounts) parts.push_back(amount_text(name, amount));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Of each that is asked for, the most that one worker has.
Amounts most_of(const Offers& offers, const Amounts& demands) {
  Amounts most;
  for (const auto& [name, amount] : demands) {
    most[name] = 0;
    for (const Offer& offer : offers.limited) {
      const auto has = offer.offered.find(name);
      if (has != offer.offered.end()) most[name] = std::max(most[name], has->second);
    }
  }
  return most;
}

// False if some worker has what the task asks for.
bool explain_resources(const Pending& p, Out out) {
  const Amounts& demands = p.entry->entry.demands;
  if (demands.empty()) return false;
  const Offers& offers = p.queue.offers();
  if (offers.unlimited || offers.limited.empty()) return false;
  const auto fit = std::ranges::count_if(
      offers.limited, [&](const Offer& o) { return task_queue::fits(demands, o.offered, {}); });
  const bool free = std::ranges::any_of(
      offers.limited, [&](const Offer& o) { return task_queue::fits(demands, o.offered, o.used); });
  if (free) return false;
  if (fit > 0) {
    say(out, "resources",
        fmt::format("asks for {}: {} as much, and it is in use", amounts_text(demands),
                    counted(fit, "worker") + (fit == 1 ? " has" : " have")),
        fmt::format("wait, or start another worker on {}", p.queue_id));
  } else {
    say(out, "resources",
        fmt::format("asks for {}; the most that one connected worker has: {}",
                    amounts_text(demands), amounts_text(most_of(offers, demands))),
        fmt::format("start a worker on {} that has as much, or ask for less in `extra.resources`",
                    p.queue_id));
  }
  return true;
}

// ---- Its turn ----

// When it starts if the queue goes on as of late.
void predict_start(const Pending& p, Out out) {
  const auto& starts = p.queue.starts();
  if (starts.size() < claims_min) return;
  const Instant now = p.sight.now;
  const auto claims = static_cast<std::int64_t>(starts.size());
  const Duration each = std::max(Duration{0}, now - starts.back()) / claims;
  out.setPredictedStart((now + each * static_cast<std::int64_t>(p.ahead + 1)).ms);
}

void explain_turn(const Pending& p, Out out) {
  const worker::Staffing& staff = p.queue.staff();
  const std::string paused = paused_text(staff);
  predict_start(p, out);
  if (staff.busy + staff.paused == staff.connected) {
    say(out, "workers-busy",
        fmt::format("{} ahead, {} busy{}{}", p.ahead, counted(staff.busy, "worker"),
                    paused.empty() ? "" : ", ", paused),
        fmt::format("wait, or start another worker on {}", p.queue_id));
  } else if (p.ahead > 0) {
    say(out, "workers-busy", fmt::format("{} ahead in {}", p.ahead, p.queue_id), "");
  } else {
    say(out, "", "about to start", "");
  }
}

Pending look_at(Sight& sight, TaskView& task) {
  const auto row = task.row();
  const std::string queue_id = str(row.getTaskQueueId());
  Pending p{sight, queue_id, sight.queue(queue_id), {}, 0};
  const auto& queue = p.queue.queue();
  if (!queue) return p;
  const auto runs = row.getRuns();
  const auto key = task_queue::make_entry_key(row.getPriority(), runs[runs.size() - 1].getEntry());
  p.entry = task_queue::find_entry(sight.snapshot, *queue, key);
  p.ahead = task_queue::count_ahead(sight.snapshot, *queue, key, ahead_max);
  return p;
}

}  // namespace

void explain_pending(Sight& sight, TaskView& task, Out out) {
  const Pending p = look_at(sight, task);
  const worker::Staffing& staff = p.queue.staff();
  out.setWorkers(static_cast<std::int64_t>(staff.connected));
  if (p.queue.queue()) out.setAhead(static_cast<std::int64_t>(p.ahead));
  if (staff.connected == 0 && staff.away > 0) {
    say(out, "workers-busy",
        fmt::format("{} away, with tasks: reconnecting, or given up after worker.lease",
                    counted(staff.away, "worker")),
        "");
  } else if (p.entry && p.entry->held) {
    explain_limit(p, out);
  } else if (staff.connected == 0) {
    explain_no_worker(sight, p.queue_id, out);
  } else if (staff.paused == staff.connected) {
    say(out, "workers-paused", paused_text(staff),
        fmt::format("see to what it says, or start another worker on {}", p.queue_id));
  } else if (!p.entry || !explain_resources(p, out)) {
    explain_turn(p, out);
  }
}

}  // namespace troupe::task
