#include "apps/troupe/server/log_types.h"

#include "runtime/base/assert.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace troupe::server {
namespace {

using api::Described;
using api::LogType;

constexpr const char* everybody = "";

struct Entry {
  std::string service;  // or `everybody`
  LogType type;
};

// A line that says what a message of the queue says.
Entry task_line(const char* event, const char* title, const char* description, bool has_run) {
  std::vector<Described> fields = {{"task_id", "The task."}};
  if (has_run) fields.push_back({"run_id", "Its run."});
  return {"queue", {event, title, description, LogLevel::debug, std::move(fields)}};
}

Entry group_line(const char* event,
                 const char* title,
                 const char* description,
                 std::vector<Described> more) {
  std::vector<Described> fields = {{"task_group_id", "The group."}};
  std::ranges::move(more, std::back_inserter(fields));
  return {"queue", {event, title, description, LogLevel::debug, std::move(fields)}};
}

const Described run_fields[] = {{"worker_group", "Of the worker."},
                                {"worker_id", "Of the worker."},
                                {"task_id", "The task."},
                                {"run_id", "Its run."}};

Entry claim_line(const char* event, const char* title, const char* description) {
  std::vector<Described> fields = {{"task_queue_id", "The task's queue."}};
  std::ranges::copy(run_fields, std::back_inserter(fields));
  return {"queue", {event, title, description, LogLevel::debug, std::move(fields)}};
}

void add_calls(std::vector<Entry>& all) {
  all.push_back(
      {everybody,
       {"api_call",
        "A call of the API",
        "Each call, at its end, whichever way it came: what asked for it, what it came to. Those "
        "that "
        "failed here (5xx) are warnings, those that were denied (401, 403) info, others debug.",
        std::nullopt,
        {{"face", "`http` or `rpc`."},
         {"service", "Whose method it is."},
         {"api_version", "Of the service, such as `v1`."},
         {"name", "The method."},
         {"method", "The verb; empty over RPC."},
         {"resource", "The path, without its query; empty over RPC."},
         {"query", "What follows the path, with `...` for a signed URL's proof; empty over RPC."},
         {"status", "What HTTP answers, or would have; 499: the caller went away."},
         {"duration_ms", "How long it took, with what it waited for."},
         {"public", "Whether it needs no scopes."},
         {"client", "Who called; empty where nobody asked."},
         {"expires", "Until when the credentials are good; empty without any."},
         {"authenticated", "Whether there were credentials, and they held."},
         {"scopes", "Of the caller's, those that allowed it, with a space between."},
         {"source_ip", "Where the connection comes from; empty: a socket file."},
         {"trace_id", "The caller's own, or one made for it; empty over RPC."}}}});
}

void add_audit(std::vector<Entry>& all) {
  all.push_back({"auth",
                 {"audit_event",
                  "A client or role was changed",
                  "A change that is also in the audit history.",
                  LogLevel::info,
                  {{"service", "Whose method changed it."},
                   {"entity", "`client` or `role`."},
                   {"entity_id", "Its name."},
                   {"client", "Who changed it."},
                   {"action", "What was done: `created`, `updated`, `deleted`..."}}}});
}

void add_tasks(std::vector<Entry>& all) {
  all.push_back(task_line("task_defined", "Task defined", "A task was created.", false));
  all.push_back(task_line("task_pending", "Task pending", "A run waits for a worker.", true));
  all.push_back(task_line("task_running", "Task running", "A worker has claimed a run.", true));
  all.push_back(task_line("task_completed", "Task completed", "A task has succeeded.", true));
  all.push_back(task_line("task_failed", "Task failed", "A task ran and did not succeed.", true));
  all.push_back(task_line("task_exception", "Task exception", "A run ended otherwise.", true));
  all.push_back(claim_line("task_claimed", "Task claimed", "claimWork gave a run to a worker."));
  all.push_back(claim_line("task_reclaimed", "Task reclaimed", "A worker has renewed its claim."));
  all.push_back({"queue",
                 {"task_priority_changed",
                  "Task priority changed",
                  "A task has another priority.",
                  LogLevel::debug,
                  {{"task_id", "The task."},
                   {"old_priority", "What it was."},
                   {"new_priority", "What it is."}}}});
}

void add_groups(std::vector<Entry>& all) {
  all.push_back(group_line("task_group_sealed", "Task group sealed", "Nobody may join any more.",
                           {{"scheduler_id", "Of the group."},
                            {"expires", "Of the group."},
                            {"sealed", "When it was sealed."}}));
  all.push_back(group_line("task_group_cancelled", "Task group cancelled",
                           "What had not ended of a group was cancelled.",
                           {{"task_group_size", "How many tasks it has."},
                            {"cancelled_count", "How many of them this call ended."}}));
  all.push_back(group_line("task_group_priority_changed", "Task group priority changed",
                           "The tasks of a group have another priority.",
                           {{"scheduler_id", "Of the group."},
                            {"tasks_affected", "How many it was changed of."},
                            {"new_priority", "What it is."}}));
}

void add_losses(std::vector<Entry>& all) {
  all.push_back({"queue",
                 {"task_resolved_by_worker_removed",
                  "A run ended with its worker",
                  "A worker stopped or was lost, and so its run is an exception, "
                  "`worker-shutdown`. It is tried again while retries are left.",
                  LogLevel::info,
                  {{"task_id", "The task."},
                   {"run_id", "The run that ended."},
                   {"worker_pool_id", "The task's queue."},
                   {"worker_group", "Of the worker."},
                   {"worker_id", "Of the worker."},
                   {"reason", "Why the worker went: `unknown` where nobody says."}}}});
  all.push_back({"queue",
                 {"expired_artifacts_removed",
                  "Bytes of artifacts were removed",
                  "Bytes that no artifact names any more are gone from the disk; some seconds' "
                  "removals in one line.",
                  LogLevel::info,
                  {{"count", "How many artifacts' bytes."},
                   {"expires", "The end of the delay: what was written or named later is kept."},
                   {"errors_count", "How many could not be removed; they are tried again."}}}});
}

const std::vector<Entry>& table() {
  static const std::vector<Entry> all = [] {
    std::vector<Entry> entries;
    add_calls(entries);
    add_audit(entries);
    add_tasks(entries);
    add_groups(entries);
    add_losses(entries);
    return entries;
  }();
  return all;
}

const LogType& type_of(std::string_view event, std::initializer_list<LogField> fields) {
  const auto& all = table();
  const auto found = std::ranges::find(
      all, event, [](const Entry& entry) { return std::string_view(entry.type.event); });
  TROUPE_EXPECTS(found != all.end());
  const auto same = [](const LogField& field, const Described& known) {
    return field.key == known.name;
  };
  TROUPE_EXPECTS(std::ranges::equal(fields, found->type.fields, same));
  return found->type;
}

}  // namespace

std::vector<LogType> log_types(std::string_view service) {
  std::vector<LogType> found;
  for (const Entry& entry : table()) {
    if (entry.service == service || entry.service == everybody) found.push_back(entry.type);
  }
  return found;
}

void log_typed(std::string_view event, std::initializer_list<LogField> fields) {
  const LogType& type = type_of(event, fields);
  TROUPE_EXPECTS(type.level.has_value());
  log_event(*type.level, event, fields);
}

void log_typed(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  TROUPE_EXPECTS(!type_of(event, fields).level.has_value());
  log_event(level, event, fields);
}

}  // namespace troupe::server
