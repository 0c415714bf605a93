#include "apps/troupe/server/queue_monitor.h"

#include "apps/troupe/server/event_log.h"
#include "apps/troupe/server/log_types.h"
#include "apps/troupe/server/metric_types.h"
#include "apps/troupe/server/server_metrics.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"
#include "runtime/store/message.h"

#include <kj/async.h>
#include <rapidjson/document.h>

#include <array>
#include <utility>

namespace troupe::server {
namespace {

using rapidjson::Value;

constexpr std::string_view exchanges = "exchange/taskcluster-queue/v1/";
constexpr std::size_t events_per_look = 1'000;
constexpr const char* other = "(other)";

/// Words of a task's routing key, by their place.
enum Word : std::size_t {
  kind_word,
  task_word,
  run_word,
  group_word,
  worker_word,
  provisioner_word,
  worker_type_word,
  words_max
};

std::array<std::string_view, words_max> words_of(std::string_view key) {
  std::array<std::string_view, words_max> found;
  for (auto& word : found) {
    const auto dot = key.find('.');
    word = key.substr(0, dot);
    key.remove_prefix(dot == std::string_view::npos ? key.size() : dot + 1);
  }
  return found;
}

rapidjson::Document payload_of(schema::EventRow::Reader event) {
  rapidjson::Document document;
  const auto payload = event.getPayload();
  document.Parse<rapidjson::kParseIterativeFlag>(payload.begin(), payload.size());
  return document;
}

// A member of an object; null if there is none.
const Value* member_of(const Value& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  const auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

std::string_view text_in(const Value& object, const char* name) {
  const Value* member = member_of(object, name);
  if (member == nullptr || !member->IsString()) return "";
  return {member->GetString(), member->GetStringLength()};
}

std::uint64_t number_in(const Value& object, const char* name) {
  const Value* member = member_of(object, name);
  return member != nullptr && member->IsUint64() ? member->GetUint64() : 0;
}

// Why the run that the message is about has ended.
std::string_view reason_in(const Value& payload) {
  const Value* status = member_of(payload, "status");
  const Value* runs = status != nullptr ? member_of(*status, "runs") : nullptr;
  const auto run = number_in(payload, "runId");
  if (runs == nullptr || !runs->IsArray() || run >= runs->Size()) return "";
  return text_in((*runs)[static_cast<rapidjson::SizeType>(run)], "reasonResolved");
}

void log_group(const std::string& name, schema::EventRow::Reader event) {
  const auto payload = payload_of(event);
  const LogField id{"task_group_id", text_in(payload, "taskGroupId")};
  const LogField scheduler{"scheduler_id", text_in(payload, "schedulerId")};
  if (name == "task-group-sealed") {
    log_typed("task_group_sealed", {id,
                                    scheduler,
                                    {"expires", text_in(payload, "expires")},
                                    {"sealed", text_in(payload, "sealed")}});
  } else if (name == "task-group-priority-changed") {
    log_typed("task_group_priority_changed",
              {id,
               scheduler,
               {"tasks_affected", number_in(payload, "tasksAffected")},
               {"new_priority", text_in(payload, "newPriority")}});
  }
}

void log_task(const std::string& name,
              const std::array<std::string_view, words_max>& key,
              schema::EventRow::Reader event) {
  if (name == "task-defined") {
    log_typed("task_defined", {{"task_id", key[task_word]}});
  } else if (name == "task-priority-changed") {
    const auto payload = payload_of(event);
    log_typed("task_priority_changed", {{"task_id", key[task_word]},
                                        {"old_priority", text_in(payload, "oldPriority")},
                                        {"new_priority", text_in(payload, "newPriority")}});
  } else if (name != "artifact-created") {
    std::string event_name = name;
    event_name[event_name.find('-')] = '_';
    log_typed(event_name, {{"task_id", key[task_word]}, {"run_id", key[run_word]}});
  }
}

// A run that went with its worker.
void log_lost_run(const std::array<std::string_view, words_max>& key) {
  log_typed("task_resolved_by_worker_removed",
            {{"task_id", key[task_word]},
             {"run_id", key[run_word]},
             {"worker_pool_id",
              std::string(key[provisioner_word]) + "/" + std::string(key[worker_type_word])},
             {"worker_group", key[group_word]},
             {"worker_id", key[worker_word]},
             {"reason", "unknown"}});
}

class Follower {
 public:
  Follower(Site& site, metrics::Registry& registry)
      : site_(site), position_(site.host.last_events()), monitor_(registry) {}

  kj::Promise<void> run() {
    auto page = read_events(site_.host, std::move(position_), {.events = events_per_look}, {});
    position_ = std::move(page.last);
    for (const auto& entry : page.events) monitor_.see(Stored<schema::EventRow>(entry.row).get());
    return site_.edge.wait_for_event(position_).then([this] { return run(); });
  }

 private:
  Site& site_;
  EventPosition position_;  // of the last events looked at
  QueueMonitor monitor_;
};

}  // namespace

void QueueMonitor::see(schema::EventRow::Reader event) {
  const auto exchange = view(event.getExchange());
  if (!exchange.starts_with(exchanges)) return;
  const std::string name(exchange.substr(exchanges.size()));
  const bool of_group = name.starts_with("task-group-");
  const auto key = words_of(view(event.getRoutingKey()));
  if (would_log(LogLevel::debug)) {
    if (of_group) {
      log_group(name, event);
    } else {
      log_task(name, key, event);
    }
  }
  if (of_group) return;
  metrics::Labels labels = {{"provisionerId", std::string(key[provisioner_word])},
                            {"workerType", std::string(key[worker_type_word])}};
  if (name == "task-completed") {
    count("queue_completed_tasks", std::move(labels));
  } else if (name == "task-failed") {
    labels["reasonResolved"] = "failed";
    count("queue_failed_tasks", std::move(labels));
  } else if (name == "task-exception") {
    const auto payload = payload_of(event);
    const auto reason = reason_in(payload);
    if (reason == "worker-shutdown") log_lost_run(key);
    labels["reasonResolved"] = std::string(reason);
    count("queue_exception_tasks", std::move(labels));
  }
}

void QueueMonitor::count(const char* name, metrics::Labels labels) {
  auto& provisioner_id = labels["provisionerId"];
  auto& type = labels["workerType"];
  const bool room = queues_.size() < queues_labelled_max;
  if (room) queues_.insert({provisioner_id, type});
  if (!queues_.contains({provisioner_id, type})) provisioner_id = type = other;
  registry_.counter(metric(name, std::move(labels))).add();
}

kj::Promise<void> monitor_queue(Site& site, metrics::Registry& registry) {
  auto follower = kj::heap<Follower>(site, registry);
  auto& f = *follower;
  return f.run().attach(kj::mv(follower));
}

}  // namespace troupe::server
