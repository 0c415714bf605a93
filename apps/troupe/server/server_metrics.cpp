#include "apps/troupe/server/server_metrics.h"

#include "actors/kinds.h"
#include "actors/message_text.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
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
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    samples.gauge({name, help, labels}, static_cast<double>(value));
  };
  // A worker is taken to run one task, as Taskcluster's do.
  const auto at_work = std::min(q.workers, q.quarantined + q.claimed);
  gauge("queue_pending_tasks", "Runs that wait for a worker", q.pending);
  gauge("queue_claimed_tasks", "Runs that a worker holds", q.claimed);
  gauge("queue_workers_total", "Workers whose record has not expired", q.workers);
  gauge("queue_quarantined_workers", "Of those, in quarantine", q.quarantined);
  gauge("queue_running_workers", "Runs that a worker holds", q.claimed);
  gauge("queue_idle_workers", "Workers without a run, not in quarantine", q.workers - at_work);
  gauge("queue_connected_workers", "Workers connected, or heard of over HTTP", q.connected);
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
    samples.gauge({"troupe_dead_letters",
                   "Messages that were given up",
                   {{"kind", labels.first}, {"cause", labels.second}}},
                  static_cast<double>(count));
  }
}

void add_stats(metrics::Samples& samples, const HostStats& stats) {
  const auto counter = [&samples](const char* name, const char* help, std::uint64_t value) {
    samples.counter({name, help, {}}, static_cast<double>(value));
  };
  const auto gauge = [&samples](const char* name, const char* help, double value) {
    samples.gauge({name, help, {}}, value);
  };
  counter("troupe_commits_total", "Handled messages whose effects are on disk",
          stats.committer.commits);
  counter("troupe_batches_total", "Transactions", stats.committer.batches);
  counter("troupe_rows_total", "Rows written or deleted", stats.committer.rows);
  gauge("troupe_commit_queue_length", "Effects that wait for the disk",
        static_cast<double>(stats.committer.waiting));
  gauge("troupe_credits_in_use", "Root messages under way",
        static_cast<double>(stats.credits_in_use));
  counter("troupe_credits_refused_total", "Commands refused because too much was under way",
          stats.credits_refused);
  gauge("troupe_store_used_bytes", "Pages of the store in use",
        static_cast<double>(stats.store.used_bytes));
  gauge("troupe_store_limit_bytes", "store.map_size", static_cast<double>(stats.store.limit_bytes));
  gauge("troupe_store_file_bytes", "Size of data.mdb, free pages included",
        static_cast<double>(stats.store.file_bytes));
  gauge("troupe_disk_free_bytes", "Free space where the store is",
        static_cast<double>(stats.store.disk_free_bytes));
  gauge("troupe_store_readers", "Snapshots of the store that are open",
        static_cast<double>(stats.store.readers));
  gauge("troupe_store_oldest_reader_seconds", "Age of the oldest of them",
        static_cast<double>(stats.store.oldest_reader.count()) / 1000);
  gauge("troupe_actors", "Durable actors in memory", static_cast<double>(stats.actors));
  counter("troupe_activations_total", "Actors read into memory", stats.activations);
  counter("troupe_passivations_total", "Actors that left memory", stats.passivations);
  counter("troupe_actor_restarts_total", "Actors that failed and were started again",
          stats.restarts);
  counter("troupe_timers_fired_total", "Timers", stats.timers_fired);
}

}  // namespace

HostHistograms::HostHistograms(metrics::Registry& registry)
    : commit_seconds(
          registry.histogram({"troupe_commit_seconds", "Time of a transaction, sync included", {}},
                             metrics::latency_bounds())),
      batch_commits(
          registry.histogram({"troupe_batch_commits", "Handled messages a transaction", {}},
                             {1, 4, 16, 64, 256, 1024, 4096, 16384})),
      timer_late_seconds(registry.histogram(
          {"troupe_timer_late_seconds", "How late timers were", {}}, metrics::latency_bounds())) {}

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
