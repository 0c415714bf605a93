#include "actors/worker/queries.h"

#include "actors/kinds.h"
#include "actors/worker/drain.h"
#include "actors/worker/worker_actor.h"
#include "schema/store/rows.capnp.h"

#include <algorithm>

namespace troupe::worker {
namespace {

std::optional<WorkerState> read_worker(const Snapshot& snapshot, std::uint64_t number) {
  const auto words = own_row(snapshot, tables::worker_state, number);
  if (!words) return std::nullopt;
  WorkerState state = decode_row(*words);
  scan_own(snapshot, tables::worker_claims, number, "", "", [&](std::string_view, WordSpan row) {
    note_claim(row, state);
    return true;
  });
  return state;
}

std::string name_prefix(const std::string& task_queue_id) {
  return task_queue_id.empty() ? "" : task_queue_id + "/";
}

// Why it is drained, if it is.
std::optional<std::string> drained_why(const WorkerState& worker, Instant now) {
  if (!worker.is_quarantined(now) || worker.quarantines.empty()) return std::nullopt;
  const Quarantine& last = worker.quarantines.back();
  return drain_reason(last.updated, last.until, last.info);
}

}  // namespace

void visit_workers(const Snapshot& snapshot,
                   const std::string& task_queue_id,
                   const std::function<bool(WorkerState&)>& visit) {
  scan_names(snapshot, kinds::worker, name_prefix(task_queue_id), "",
             [&](std::string_view, std::uint64_t number) {
               auto worker = read_worker(snapshot, number);
               return !worker || visit(*worker);
             });
}

std::vector<WorkerState> list_workers(const Snapshot& snapshot,
                                      const std::string& task_queue_id,
                                      const Page& page,
                                      std::string& next) {
  std::vector<WorkerState> found;
  std::string last;
  scan_names(snapshot, kinds::worker, name_prefix(task_queue_id), page.after,
             [&](std::string_view key, std::uint64_t number) {
               if (found.size() == page.limit) {
                 next = write_token(last);
                 return false;
               }
               if (auto worker = read_worker(snapshot, number)) {
                 found.push_back(std::move(*worker));
                 last = key;
               }
               return true;
             });
  return found;
}

std::optional<WorkerState> find_worker(const Snapshot& snapshot,
                                       const std::string& task_queue_id,
                                       const std::string& worker_group,
                                       const std::string& worker_id) {
  const std::string name = task_queue_id + "/" + worker_group + "/" + worker_id;
  if (name.find('\0') != std::string::npos) return std::nullopt;
  return read_worker(snapshot, find_actor_number(snapshot, troupe::worker_id(name)));
}

void visit_claims(const Snapshot& snapshot,
                  const std::string& task_queue_id,
                  const std::function<bool(const std::string& worker,
                                           schema::WorkerClaimRow::Reader claim)>& visit) {
  const std::string prefix = name_prefix(task_queue_id);
  scan_names(snapshot, kinds::worker, prefix, "", [&](std::string_view name, std::uint64_t number) {
    const std::string worker(name.substr(prefix.size()));
    bool more = true;
    scan_own(snapshot, tables::worker_claims, number, "", "", [&](std::string_view, WordSpan row) {
      more = visit(worker, Stored<schema::WorkerClaimRow>(row).get());
      return more;
    });
    return more;
  });
}

std::size_t count_claims(const Snapshot& snapshot, const std::string& task_queue_id) {
  std::size_t count = 0;
  scan_names(snapshot, kinds::worker, name_prefix(task_queue_id), "",
             [&](std::string_view, std::uint64_t number) {
               scan_own(snapshot, tables::worker_claims, number, "", "",
                        [&count](std::string_view, WordSpan) {
                          ++count;
                          return true;
                        });
               return true;
             });
  return count;
}

bool is_drained(const WorkerState& worker, Instant now) {
  return drained_why(worker, now).has_value();
}

bool is_known(const WorkerState& worker, Instant now) {
  return worker.expires_at(now) > now || worker.quarantine_until > now || !worker.claims.empty();
}

std::string pause_of(const WorkerState& worker, Instant now) {
  if (!worker.is_quarantined(now)) return worker.pause;
  if (const auto why = drained_why(worker, now)) {
    return "drained" + (why->empty() ? "" : ": " + *why) + "; `troupe worker resume " +
           worker.worker_group + "/" + worker.worker_id + "` gives it tasks again";
  }
  std::string why = "in quarantine until " + format_time(worker.quarantine_until);
  const std::string info = worker.quarantines.empty() ? "" : worker.quarantines.back().info;
  if (!info.empty() && info != no_reason) why += ": " + info;
  return why;
}

void Staffing::add(const WorkerState& worker, Instant now) {
  claims += worker.claims.size();
  if (worker.expires_at(now) > now) {
    known += 1;
    quarantined += worker.quarantine_until > now ? 1 : 0;
  }
  if (!worker.is_there(now)) {
    away += worker.holds_leased() ? 1 : 0;
    return;
  }
  // One over HTTP does not say how many it takes: as many as it has, or one.
  const auto takes = worker.session != 0 ? std::size_t{worker.capacity}
                                         : std::max<std::size_t>(1, worker.claims.size());
  connected += 1;
  capacity += takes;
  if (auto why = pause_of(worker, now); !why.empty()) {
    const bool is_drain = is_drained(worker, now);
    drained += is_drain ? 1 : 0;
    held += !is_drain && worker.is_quarantined(now) ? 1 : 0;
    if (paused++ > 0) return;
    pauser = worker.worker_group + "/" + worker.worker_id;
    pause = std::move(why);
  } else if (worker.claims.size() >= takes) {
    busy += 1;
  }
}

Staffing staffing(const Snapshot& snapshot, const std::string& task_queue_id, Instant now) {
  Staffing total;
  visit_workers(snapshot, task_queue_id, [&](const WorkerState& worker) {
    total.add(worker, now);
    return true;
  });
  return total;
}

std::map<std::string, Staffing> staffing_by_queue(const Snapshot& snapshot, Instant now) {
  std::map<std::string, Staffing> queues;
  visit_workers(snapshot, "", [&](const WorkerState& worker) {
    queues[worker.task_queue_id].add(worker, now);
    return true;
  });
  return queues;
}

std::vector<std::string> staffed_queues(const Snapshot& snapshot, Instant now) {
  std::vector<std::string> queues;
  visit_workers(snapshot, "", [&](const WorkerState& worker) {
    if (!worker.is_there(now)) return true;
    const std::string& queue = worker.task_queue_id;
    if (queues.empty() || queues.back() != queue) queues.push_back(queue);
    return true;
  });
  return queues;
}

}  // namespace troupe::worker
