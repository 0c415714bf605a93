#include "apps/troupe/server/metric_types.h"

#include "runtime/base/assert.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace troupe::server {
namespace {

using api::MetricKind;
using api::MetricType;

constexpr const char* everybody = "";

/// A service, or `everybody`, and a metric of it.
struct Entry {
  std::string service;
  MetricType type;
};

/// Adds metrics of one service, each in a line.
class Table {
 public:
  Table(std::vector<Entry>& all, const char* service) : all_(all), service_(service) {}

  void counter(const char* name, const char* help, std::vector<api::Described> labels = {}) {
    all_.push_back({service_, {MetricKind::counter, name, help, std::move(labels)}});
  }
  void gauge(const char* name, const char* help, std::vector<api::Described> labels = {}) {
    all_.push_back({service_, {MetricKind::gauge, name, help, std::move(labels)}});
  }
  void histogram(const char* name,
                 const char* help,
                 std::vector<double> bounds,
                 std::vector<api::Described> labels = {}) {
    all_.push_back(
        {service_, {MetricKind::histogram, name, help, std::move(labels), std::move(bounds)}});
  }

 private:
  std::vector<Entry>& all_;
  std::string service_;
};

void add_calls(Table every) {
  const api::Described service{"service", "Whose method it is."};
  const api::Described name{"name", "The method."};
  const api::Described verb{"method", "The verb."};
  const api::Described status{"status", "What HTTP answers, or would have."};
  every.counter("http_requests_total", "Calls of the API over HTTP", {service, name, verb, status});
  every.counter("rpc_requests_total", "Calls of the API over RPC", {service, name, status});
  every.histogram("http_request_duration_seconds", "How long calls took", metrics::latency_bounds(),
                  {service, name});
  every.histogram("rpc_request_duration_seconds", "How long calls took", metrics::latency_bounds(),
                  {service, name});
}

void add_proofs(Table auth) {
  const api::Described scheme{"scheme", "`hawk`, `bewit`, `rpc` or `none`."};
  auth.counter("auth_success_total", "Requests and RPC sessions whose credentials held",
               {scheme, {"credentials", "`permanent`, `temporary` or `none`."}});
  auth.counter("auth_failure_total", "Requests and RPC sessions whose credentials did not hold",
               {scheme, {"reason", "What kind of fault: `mac`, `expired`..."}});
}

void add_queues(Table queue) {
  const std::vector<api::Described> labels = {
      {"provisionerId", "First half of the task queue; `(other)`: of many queues together."},
      {"workerType", "Second half of the task queue; `(other)`: of many queues together."}};
  auto with_reason = labels;
  with_reason.push_back({"reasonResolved", "As in the run's status."});
  queue.gauge("queue_pending_tasks", "Runs that wait for a worker", labels);
  queue.gauge("queue_claimed_tasks", "Runs that a worker holds", labels);
  queue.gauge("queue_workers_total", "Workers whose record has not expired", labels);
  queue.gauge("queue_quarantined_workers", "Of those, in quarantine", labels);
  queue.gauge("queue_running_workers", "Runs that a worker holds", labels);
  queue.gauge("queue_idle_workers", "Workers without a run, not in quarantine", labels);
  queue.gauge("queue_connected_workers", "Workers connected, or heard of over HTTP", labels);
  queue.counter("queue_completed_tasks", "Reports that a task completed", labels);
  queue.counter("queue_failed_tasks", "Reports that a task failed", with_reason);
  queue.counter("queue_exception_tasks", "Runs that ended as exception", with_reason);
}

void add_process(Table own) {
  own.gauge("http_connections", "Connections over HTTP that are open");
  own.counter("http_connections_ended_total",
              "Connections over HTTP that waited longest, ended to make room for others");
  own.gauge("troupe_commit_queue_length", "Effects that wait for the disk");
  own.gauge("troupe_credits_in_use", "Root messages under way");
  own.counter("troupe_credits_refused_total", "Commands refused because too much was under way");
  own.gauge("troupe_actors", "Durable actors in memory");
  own.counter("troupe_activations_total", "Actors read into memory");
  own.counter("troupe_passivations_total", "Actors that left memory");
  own.counter("troupe_actor_restarts_total", "Actors that failed and were started again");
  own.counter("troupe_timers_fired_total", "Timers");
  own.histogram("troupe_timer_late_seconds", "How late timers were", metrics::latency_bounds());
  own.gauge("troupe_dead_letters", "Messages that were given up",
            {{"kind", "The receiver's."}, {"cause", "`handler`, `crashes` or `(other)`."}});
}

void add_store(Table own) {
  own.counter("troupe_commits_total", "Handled messages whose effects are on disk");
  own.counter("troupe_batches_total", "Transactions");
  own.counter("troupe_rows_total", "Rows written or deleted");
  own.histogram("troupe_commit_seconds", "Time of a transaction, sync included",
                metrics::latency_bounds());
  own.histogram("troupe_batch_commits", "Handled messages a transaction",
                {1, 4, 16, 64, 256, 1024, 4096, 16384});
  own.gauge("troupe_store_used_bytes", "Pages of the store in use");
  own.gauge("troupe_store_limit_bytes", "store.map_size");
  own.gauge("troupe_store_file_bytes", "Size of data.mdb, free pages included");
  own.gauge("troupe_disk_free_bytes", "Free space where the store is");
  own.gauge("troupe_store_readers", "Snapshots of the store that are open");
  own.gauge("troupe_store_oldest_reader_seconds", "Age of the oldest of them");
}

void add_broker(Table own) {
  own.gauge("amqp_connected", "Whether there is a connection to the broker");
  own.gauge("amqp_lag_events", "Events that the broker has not confirmed yet");
  own.counter("amqp_published_total", "Messages that the broker has confirmed");
  own.counter("amqp_refused_events_total", "Events that a queue refused to the last");
  own.counter("amqp_lost_events_total", "Events deleted before the broker had them");
  own.counter("amqp_reconnects_total", "Attempts to connect after the first");
}

const std::vector<Entry>& table() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> entries;
    add_calls({entries, everybody});
    add_proofs({entries, "auth"});
    add_queues({entries, "queue"});
    add_process({entries, "troupe"});
    add_store({entries, "troupe"});
    add_broker({entries, "troupe"});
    return entries;
  }();
  return all;
}

const MetricType& type_of(std::string_view name) {
  const auto& all = table();
  const auto found = std::ranges::find(
      all, name, [](const Entry& entry) { return std::string_view(entry.type.name); });
  TROUPE_EXPECTS(found != all.end());
  return found->type;
}

}  // namespace

std::vector<MetricType> metric_types(std::string_view service) {
  std::vector<MetricType> found;
  for (const Entry& entry : table()) {
    if (entry.service == service || entry.service == everybody) found.push_back(entry.type);
  }
  return found;
}

metrics::MetricName metric(std::string_view name, metrics::Labels labels) {
  const MetricType& type = type_of(name);
  TROUPE_EXPECTS(type.labels.size() == labels.size());
  for (const auto& label : type.labels) TROUPE_EXPECTS(labels.contains(label.name));
  return {type.name, type.help, std::move(labels)};
}

const std::vector<double>& metric_bounds(std::string_view name) {
  return type_of(name).bounds;
}

}  // namespace troupe::server
