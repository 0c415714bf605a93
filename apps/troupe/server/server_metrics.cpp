#include "apps/troupe/server/server_metrics.h"

#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"

namespace troupe::server {
namespace {

void add_queues(metrics::Samples& samples, Host& host) {
  const auto snapshot = host.snapshot();
  std::string next;
  for (const auto& queue : task_queue::list_queues(*snapshot, Page{}, next)) {
    const auto staff = worker::staffing(*snapshot, queue.task_queue_id);
    const auto slash = queue.task_queue_id.find('/');
    const metrics::Labels labels{{"provisionerId", queue.task_queue_id.substr(0, slash)},
                                 {"workerType", queue.task_queue_id.substr(slash + 1)}};
    samples.gauge({"queue_pending_tasks", "Runs that wait for a worker", labels},
                  static_cast<double>(queue.pending));
    samples.gauge({"queue_claimed_tasks", "Runs that a worker holds", labels},
                  static_cast<double>(staff.claims));
    samples.gauge({"queue_running_workers", "Connected workers", labels},
                  static_cast<double>(staff.connected));
  }
}

}  // namespace

std::unique_ptr<metrics::CollectorRegistration> add_host_metrics(metrics::Registry& registry,
                                                                 Host& host) {
  return registry.add_collector([&host](metrics::Samples& samples) {
    const HostStats stats = host.stats();
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
    gauge("troupe_store_limit_bytes", "store.map_size",
          static_cast<double>(stats.store.limit_bytes));
    gauge("troupe_actors", "Durable actors in memory", static_cast<double>(stats.actors));
    counter("troupe_activations_total", "Actors read into memory", stats.activations);
    counter("troupe_passivations_total", "Actors that left memory", stats.passivations);
    counter("troupe_actor_restarts_total", "Actors that failed and were started again",
            stats.restarts);
    counter("troupe_timers_fired_total", "Timers", stats.timers_fired);
    gauge("troupe_timer_late_seconds", "How late the last timer was", stats.timer_late_seconds);
    gauge("troupe_dead_letters", "Messages that no handler could process",
          static_cast<double>(stats.dead_letters));
    add_queues(samples, host);
  });
}

}  // namespace troupe::server
