#include "apps/troupe/server/blob_adoption.h"

#include "actors/blobs/messages.h"
#include "actors/object/state.h"
#include "actors/task/transition.h"
#include "apps/troupe/server/call.h"
#include "runtime/base/data.h"
#include "runtime/process/log.h"
#include "runtime/process/thread_pool.h"
#include "schema/store/objects.capnp.h"
#include "schema/store/rows.capnp.h"

#include <utility>
#include <vector>

namespace troupe::server {
namespace {

using kj::Promise;

constexpr std::size_t rows_per_look = 1'000;
constexpr auto pause = 1 * kj::SECONDS;

/// What one look has found, and where the next one begins.
struct Found {
  std::vector<std::string> tasks;
  std::vector<blobs::User> objects;
  std::string next;  // empty: that was all
};

bool is_missing(const Snapshot& snapshot, const blobs::User& user) {
  return user.sha256.size() == Sha256{}.size() &&
         !collector_has(snapshot, tables::blob_references, blobs::reference_key(user));
}

// Whether the task has the timer of its end, and all its blobs are known.
bool is_adopted(const Snapshot& snapshot, std::uint64_t number, schema::TaskRow::Reader task) {
  const bool hidden = task.getCreateStep() != schema::CreateStep::NONE || task.getExpiring();
  if (hidden) return true;
  const std::string timer = KeyWriter().text(task::expiry_timer).prefix();
  if (!own_row(snapshot, tables::timers_of, number, timer)) return false;
  bool all = true;
  scan_own(snapshot, tables::task_artifacts, number, "", "",
           [&](std::string_view key, WordSpan words) {
             Stored<schema::ArtifactRow> row(words);
             const auto run = static_cast<std::uint32_t>(KeyReader(key).u64());
             all = !is_missing(snapshot, {str(row.get().getSha256()), str(task.getTaskId()), run,
                                          str(row.get().getName())});
             return all;
           });
  return all;
}

template <class Visit>
std::string scan_some(const Snapshot& snapshot,
                      const TableSpec& table,
                      const std::string& from,
                      const Visit& visit) {
  std::size_t seen = 0;
  std::string next;
  snapshot.scan(table.id, from, [&](std::string_view key, WordSpan words) {
    if (seen == rows_per_look) {
      next = std::string(key);
      return false;
    }
    ++seen;
    visit(KeyReader(key).u64(), words);
    return true;
  });
  return next;
}

Found find_tasks(Host& host, const std::string& from) {
  Found found;
  const auto snapshot = host.snapshot();
  found.next = scan_some(*snapshot, tables::task_state, from, [&](auto number, WordSpan words) {
    Stored<schema::TaskRow> row(words);
    if (is_adopted(*snapshot, number, row.get())) return;
    found.tasks.push_back(str(row.get().getTaskId()));
  });
  return found;
}

Found find_objects(Host& host, const std::string& from) {
  Found found;
  const auto snapshot = host.snapshot();
  found.next = scan_some(*snapshot, tables::object_state, from, [&](auto, WordSpan words) {
    Stored<schema::ObjectRow> row(words);
    blobs::User user{str(row.get().getSha256()), "", 0, str(row.get().getName())};
    if (is_missing(*snapshot, user)) found.objects.push_back(std::move(user));
  });
  return found;
}

std::vector<std::string> not_adopted(Host& host, const std::vector<std::string>& tasks) {
  std::vector<std::string> left;
  const auto snapshot = host.snapshot();
  for (const auto& id : tasks) {
    const auto number = find_actor_number(*snapshot, task_id(id));
    const auto words = own_row(*snapshot, tables::task_state, number);
    if (!words) continue;
    if (!is_adopted(*snapshot, number, Stored<schema::TaskRow>(*words).get())) left.push_back(id);
  }
  return left;
}

// Tells these tasks, until none is left to tell.
Promise<void> adopt_tasks(Site& site, std::vector<std::string> tasks) {
  if (tasks.empty()) return kj::READY_NOW;
  auto told = kj::heapArrayBuilder<Promise<void>>(tasks.size());
  for (const auto& id : tasks) {
    told.add(ask_task(site, id, [](auto m) { m.setContinueExpiry(); }).ignoreResult());
  }
  return kj::joinPromises(told.finish()).then([&site, tasks = std::move(tasks)]() -> Promise<void> {
    auto left = not_adopted(site.host, tasks);
    if (left.empty()) return kj::READY_NOW;
    // What they have said is on its way to the collectors.
    return site.timer.afterDelay(pause).then(
        [&site, left = std::move(left)] { return adopt_tasks(site, left); });
  });
}

Promise<void> go_through_tasks(Site& site, std::string from) {
  return offload(site.disk,
                 [&host = site.host, from = std::move(from)] { return find_tasks(host, from); })
      .then([&site](Found found) {
        if (!found.tasks.empty()) {
          log_event(LogLevel::info, "tasks_adopted",
                    {{"tasks", std::to_string(found.tasks.size())}});
        }
        return adopt_tasks(site, std::move(found.tasks))
            .then([&site, next = found.next]() -> Promise<void> {
              if (next.empty()) return kj::READY_NOW;
              return go_through_tasks(site, next);
            });
      });
}

Promise<void> go_through_objects(Site& site, std::string from) {
  return offload(site.disk,
                 [&host = site.host, from = std::move(from)] { return find_objects(host, from); })
      .then([&site](Found found) {
        auto told = kj::heapArrayBuilder<Promise<void>>(found.objects.size());
        for (const auto& user : found.objects) {
          Send reference = blobs::reference(user);
          told.add(ask(site, std::move(reference.to), std::move(reference.body)).ignoreResult());
        }
        return kj::joinPromises(told.finish()).then([&site, next = found.next]() -> Promise<void> {
          if (next.empty()) return kj::READY_NOW;
          return go_through_objects(site, next);
        });
      });
}

}  // namespace

bool collector_has(const Snapshot& snapshot, const TableSpec& table, const std::string& key) {
  const auto number =
      find_actor_number(snapshot, blobs::collector_of(key.substr(0, Sha256{}.size())));
  bool found = false;
  scan_own(snapshot, table, number, key, "", [&found](std::string_view, WordSpan) {
    found = true;
    return false;
  });
  return found;
}

kj::Promise<void> adopt_blobs(Site& site) {
  return go_through_tasks(site, "").then([&site] { return go_through_objects(site, ""); });
}

}  // namespace troupe::server
