#include "apps/troupe/server/server_metrics.h"

#include "actors/kinds.h"
#include "actors/message_text.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "apps/troupe/server/metric_types.h"
#include "runtime/actor/dead_letters.h"
#include "runtime/clock/clock.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace troupe::server {
namespace {

constexpr const char* other = "(other)";
// More dead letters than these are counted without their kinds: a scrape is quick.
constexpr std::uint64_t letters_read_max = 10'000;

struct QueueFigures {
  std::uint64_t pending = 0;
  std::uint64_t claimed = 0;
  std::uint64_t workers = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t connected = 0;

  static QueueFigures of(std::uint64_t pending, const worker::Staffing& staff) {
    return {pending, staff.claims, staff.known, staff.quarantined, staff.connected};
  }
  QueueFigures& operator+=(const QueueFigures& part) {
    pending += part.pending;
    claimed += part.claimed;
    workers += part.workers;
    quarantined += part.quarantined;
    connected += part.connected;
    return *this;
  }
};

void add_queue(metrics::Samples& samples, const metrics::Labels& labels, const QueueFigures& q) {
  const auto gauge = [&](const char* name, std::uint64_t value) {
    samples.gauge(metric(name, labels), static_cast<double>(value));
  };
  // A worker is taken to run one task, as Taskcluster's do.
  const auto at_work = std::min(q.workers, q.quarantined + q.claimed);
  gauge("queue_pending_tasks", q.pending);
  gauge("queue_claimed_tasks", q.claimed);
  gauge("queue_workers_total", q.workers);
  gauge("queue_quarantined_workers", q.quarantined);
  gauge("queue_running_workers", q.claimed);
  gauge("queue_idle_workers", q.workers - at_work);
  gauge("queue_connected_workers", q.connected);
}

std::vector<task_queue::QueueView> all_queues(const Snapshot& snapshot) {
  std::vector<task_queue::QueueView> all;
  std::string next;
  for (Page page;; page.after = all.back().task_queue_id) {
    next.clear();
    auto some = task_queue::list_queues(snapshot, page, next);
    std::ranges::move(some, std::back_inserter(all));
    if (next.empty()) return all;
  }
}

// The longest queues one by one, the rest as one.
void add_queues(metrics::Samples& samples, const Snapshot& snapshot, Instant now) {
  auto queues = all_queues(snapshot);
  const auto labelled = std::min(queues.size(), queues_labelled_max);
  std::ranges::partial_sort(queues, queues.begin() + static_cast<std::ptrdiff_t>(labelled),
                            std::ranges::greater{}, &task_queue::QueueView::pending);
  auto staff = worker::staffing_by_queue(snapshot, now);
  for (std::size_t i = 0; i < labelled; ++i) {
    const std::string& id = queues[i].task_queue_id;
    const auto slash = id.find('/');
    add_queue(samples,
              {{"provisionerId", id.substr(0, slash)}, {"workerType", id.substr(slash + 1)}},
              QueueFigures::of(queues[i].pending, staff[id]));
    staff.erase(id);
  }
  QueueFigures rest;
  for (std::size_t i = labelled; i < queues.size(); ++i) rest.pending += queues[i].pending;
  for (const auto& [id, of_queue] : staff) rest += QueueFigures::of(0, of_queue);
  add_queue(samples, {{"provisionerId", other}, {"workerType", other}}, rest);
}

void add_dead_letters(metrics::Samples& samples, const Snapshot& snapshot) {
  // All that may be there, so that an alarm has a zero to rise from.
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
  const auto ours = known_kinds();
  for (const KindId kind : ours) {
    for (const char* cause : {"handler", "crashes"}) counts[{kind_name(kind), cause}] = 0;
  }
  std::uint64_t read = 0;
  scan_dead_letters(snapshot, 0, [&](const DeadLetter& letter) {
    const KindId kind = letter.delivery.to.kind;
    const bool known = std::ranges::find(ours, kind) != ours.end();
    counts[{known ? kind_name(kind) : other,
            letter.error == error_of_crashes ? "crashes" : "handler"}] += 1;
    return ++read < letters_read_max;
  });
  const auto all = snapshot.count(tables::dead_letters.id);
  if (all > read) counts[{other, other}] = all - read;
  for (const auto& [labels, count] : counts) {
    samples.gauge(metric("troupe_dead_letters", {{"kind", labels.first}, {"cause", labels.second}}),
                  static_cast<double>(count));
  }
}

void add_stats(metrics::Samples& samples, const HostStats& stats) {
  const auto counter = [&samples](const char* name, std::uint64_t value) {
    samples.counter(metric(name), static_cast<double>(value));
  };
  const auto gauge = [&samples](const char* name, double value) {
    samples.gauge(metric(name), value);
  };
  counter("troupe_commits_total", stats.committer.commits);
  counter("troupe_batches_total", stats.committer.batches);
  counter("troupe_rows_total", stats.committer.rows);
  gauge("troupe_commit_queue_length", static_cast<double>(stats.committer.waiting));
  gauge("troupe_credits_in_use", static_cast<double>(stats.credits_in_use));
  counter("troupe_credits_refused_total", stats.credits_refused);
  gauge("troupe_store_used_bytes", static_cast<double>(stats.store.used_bytes));
  gauge("troupe_store_limit_bytes", static_cast<double>(stats.store.limit_bytes));
  gauge("troupe_store_file_bytes", static_cast<double>(stats.store.file_bytes));
  gauge("troupe_disk_free_bytes", static_cast<double>(stats.store.disk_free_bytes));
  gauge("troupe_store_readers", static_cast<double>(stats.store.readers));
  gauge("troupe_store_oldest_reader_seconds",
        static_cast<double>(stats.store.oldest_reader.count()) / 1000);
  gauge("troupe_actors", static_cast<double>(stats.actors));
  counter("troupe_activations_total", stats.activations);
  counter("troupe_passivations_total", stats.passivations);
  counter("troupe_actor_restarts_total", stats.restarts);
  counter("troupe_timers_fired_total", stats.timers_fired);
}

}  // namespace

HostHistograms::HostHistograms(metrics::Registry& registry)
    : commit_seconds(registry.histogram(metric("troupe_commit_seconds"),
                                        metric_bounds("troupe_commit_seconds"))),
      batch_commits(registry.histogram(metric("troupe_batch_commits"),
                                       metric_bounds("troupe_batch_commits"))),
      timer_late_seconds(registry.histogram(metric("troupe_timer_late_seconds"),
                                            metric_bounds("troupe_timer_late_seconds"))) {}

std::unique_ptr<metrics::CollectorRegistration> add_host_metrics(metrics::Registry& registry,
                                                                 Host& host,
                                                                 const Clock& clock) {
  return registry.add_collector([&host, &clock](metrics::Samples& samples) {
    add_stats(samples, host.stats());
    const auto snapshot = host.snapshot();
    add_queues(samples, *snapshot, clock.wall_now());
    add_dead_letters(samples, *snapshot);
  });
}

}  // namespace troupe::server
