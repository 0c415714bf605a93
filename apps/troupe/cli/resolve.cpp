#include "apps/troupe/cli/resolve.h"

#include "apps/troupe/cli/members.h"
#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "runtime/base/random.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

namespace troupe::cli {
namespace {

const char* word(NameKind kind) {
  return kind == NameKind::task ? "task" : "group";
}

struct Found {
  std::vector<std::string> tasks;
  std::vector<std::string> groups;
};

Found find_ids(Session& session, const std::string& prefix) {
  auto request = session.troupe().findIdsRequest();
  request.setPrefix(prefix);
  const auto answer = session.wait(request.send());
  Found found;
  for (const auto id : answer.getTaskIds()) found.tasks.emplace_back(id.cStr());
  for (const auto id : answer.getTaskGroupIds()) found.groups.emplace_back(id.cStr());
  return found;
}

Error ambiguous(const std::string& prefix,
                const std::vector<std::string>& ids,
                const std::string& what) {
  std::string detail = "\"" + prefix + "\" may be one of several " + what + ":";
  for (const std::string& id : ids) detail += " " + id;
  return Error{Errc::conflict, detail + ": give more of it"};
}

Result<std::string> only_one(const std::string& prefix,
                             const std::vector<std::string>& ids,
                             NameKind kind) {
  if (ids.size() == 1) return ids.front();
  if (ids.size() > 1) return ambiguous(prefix, ids, std::string(word(kind)) + "s");
  return Error{Errc::not_found, std::string("no ") + word(kind) + " has an id that begins with \"" +
                                    prefix + "\": `troupe " + word(kind) +
                                    " list` shows what there is"};
}

// How much a member tells of its group; among equals the one with the smaller `order`.
struct Telling {
  int weight = 0;  // 3 failed, 2 ended, 1 runs
  std::int64_t order = 0;
};

Telling telling_of(schema::TaskStatus::Reader status) {
  const auto runs = status.getRuns();
  if (runs.size() == 0) return {};
  const auto last = runs[runs.size() - 1];
  switch (status.getState()) {
    case schema::TaskState::UNSCHEDULED:
    case schema::TaskState::PENDING: return {};
    case schema::TaskState::RUNNING: return {1, last.getStarted()};
    case schema::TaskState::COMPLETED: return {2, -last.getResolved()};
    case schema::TaskState::FAILED:
    case schema::TaskState::EXCEPTION: return {3, last.getResolved()};
  }
  return {};
}

Result<std::string> telling_member(Session& session, const std::string& group_id) {
  std::string best;
  Telling most;
  for_each_member(session, group_id, [&](schema::TaskAndStatus::Reader member) {
    const auto status = member.getStatus();
    // Uploaded files have no log, and nothing is done with them.
    if (std::string_view(status.getTaskQueueId().cStr()) == group_file::upload_queue) return;
    const Telling telling = telling_of(status);
    const bool more = telling.weight > most.weight ||
                      (telling.weight == most.weight && telling.order < most.order);
    if (telling.weight == 0 || !more) return;
    most = telling;
    best = status.getTaskId().cStr();
  });
  if (!best.empty()) return best;
  return Error{Errc::not_found, "`last`: no task of your last group has run yet: `troupe explain " +
                                    group_id + "` says why, `" + group_id +
                                    "/NAME` names one of them"};
}

Result<std::string> last_of(Session& session, NameKind kind) {
  const std::string& platform = session.target().platform;
  for (const LastMade& made : last_made(platform)) {
    if (made.kind == kind) return made.id;
    if (made.kind == NameKind::group) return telling_member(session, made.id);
  }
  return Error{Errc::not_found, std::string("`last`: you have not made a ") + word(kind) + " on " +
                                    platform + " yet: give its id"};
}

Result<std::string> resolve_base(Session& session, const ParsedName& name, NameKind kind) {
  if (const Id* id = std::get_if<Id>(&name.base)) return id->value;
  if (std::holds_alternative<Last>(name.base)) return last_of(session, kind);
  const std::string& prefix = std::get<IdPrefix>(name.base).value;
  const Found found = find_ids(session, prefix);
  return only_one(prefix, kind == NameKind::task ? found.tasks : found.groups, kind);
}

Result<std::string> resolve_member(Session& session,
                                   const std::string& group_id,
                                   const std::string& member) {
  std::vector<std::string> ids;
  std::set<std::string> names;
  for_each_member(session, group_id, [&](schema::TaskAndStatus::Reader one) {
    const std::string name = one.getTask().getMetadata().getName().cStr();
    if (name == member) ids.emplace_back(one.getStatus().getTaskId().cStr());
    names.insert(name);
  });
  if (ids.size() == 1) return ids.front();
  if (ids.size() > 1) {
    std::string detail = "group " + group_id + " has several tasks named \"" + member + "\":";
    for (const std::string& id : ids) detail += " " + id;
    return Error{Errc::conflict, detail + ": give the id of one"};
  }
  return Error{Errc::not_found, "group " + group_id + " has no task named \"" + member + "\"" +
                                    group_file::nearest_hint(member, {names.begin(), names.end()})};
}

bool has_queue(Session& session, std::string_view task_queue_id) {
  const auto answer = session.wait(session.troupe().listQueuesRequest().send());
  for (const auto queue : answer.getQueues()) {
    if (std::string_view(queue.getTaskQueueId().cStr()) == task_queue_id) return true;
  }
  return false;
}

// The workers that lists show as `GROUP/ID`, each with its queue in front.
std::vector<std::string> workers_named(Session& session, const std::string& group_and_id) {
  std::vector<std::string> found;
  const auto answer = session.wait(session.troupe().listWorkersRequest().send());
  for (const auto worker : answer.getWorkers()) {
    const std::string name =
        std::string(worker.getWorkerGroup().cStr()) + "/" + worker.getWorkerId().cStr();
    if (name == group_and_id) found.push_back(worker.getTaskQueueId().cStr() + ("/" + name));
  }
  return found;
}

// `A/B` may be a queue, `GROUP/NAME` or a worker as lists show it. A queue that exists is one;
// else, what begins like a group is one; else a worker of that name; else it is a queue that nobody
// has used, and the server can say so.
Result<std::string> resolve_pair(Session& session, const std::string& subject) {
  const Result<ParsedName> name = parse_name(subject, NameKind::task);
  const IdPrefix* prefix = name.ok() ? std::get_if<IdPrefix>(&name.value().base) : nullptr;
  if (name.ok() && prefix == nullptr) return resolve_task(session, subject);
  if (has_queue(session, subject)) return subject;
  if (prefix != nullptr && find_ids(session, prefix->value).groups.size() == 1) {
    return resolve_task(session, subject);
  }
  const std::vector<std::string> workers = workers_named(session, subject);
  if (workers.size() > 1) return ambiguous(subject, workers, "workers");
  return workers.empty() ? subject : workers.front();
}

// Asks over a connection of its own.
template <class Ask>
Result<std::string> ask_once(kj::AsyncIoContext& io, const client::Target& target, Ask ask) {
  const auto connection = client::connect(*io.provider, target).wait(io.waitScope);
  Session session(io, *connection, target);
  return ask(session);
}

}  // namespace

Result<std::string> resolve_task(Session& session, std::string_view name) {
  const Result<ParsedName> parsed = parse_name(name, NameKind::task);
  if (!parsed.ok()) return parsed.error();
  const bool in_group = parsed.value().member.has_value();
  Result<std::string> id =
      resolve_base(session, parsed.value(), in_group ? NameKind::group : NameKind::task);
  if (!id.ok() || !in_group) return id;
  return resolve_member(session, id.value(), *parsed.value().member);
}

Result<std::string> resolve_group(Session& session, std::string_view name) {
  const Result<ParsedName> parsed = parse_name(name, NameKind::group);
  if (!parsed.ok()) return parsed.error();
  return resolve_base(session, parsed.value(), NameKind::group);
}

Result<std::string> resolve_task(kj::AsyncIoContext& io,
                                 const client::Target& target,
                                 std::string_view name) {
  if (is_slugid(name)) return std::string(name);
  return ask_once(io, target, [name](Session& session) { return resolve_task(session, name); });
}

Result<std::string> resolve_group(kj::AsyncIoContext& io,
                                  const client::Target& target,
                                  std::string_view name) {
  if (is_slugid(name)) return std::string(name);
  return ask_once(io, target, [name](Session& session) { return resolve_group(session, name); });
}

Result<std::string> resolve_subject(Session& session, std::string_view text) {
  const std::string subject(text);
  const auto slashes = std::count(subject.begin(), subject.end(), '/');
  if (slashes == 1) return resolve_pair(session, subject);
  if (slashes > 1) return subject;

  const Result<ParsedName> name = parse_name(subject, NameKind::task);
  if (!name.ok()) {
    return Error{Errc::invalid,
                 "\"" + subject +
                     "\": give a task, a group, a queue (PROVISIONER/TYPE) or a worker "
                     "(PROVISIONER/TYPE/GROUP/ID)"};
  }
  if (const Id* id = std::get_if<Id>(&name.value().base)) return id->value;
  if (std::holds_alternative<Last>(name.value().base)) {
    const auto made = last_made(session.target().platform);
    return made.empty() ? last_of(session, NameKind::task) : made.front().id;
  }
  const Found found = find_ids(session, subject);
  // A task that is alone in its group shares its id.
  std::set<std::string> ids(found.tasks.begin(), found.tasks.end());
  ids.insert(found.groups.begin(), found.groups.end());
  if (ids.size() == 1) return *ids.begin();
  if (ids.empty()) return only_one(subject, {}, NameKind::task);
  return ambiguous(subject, {ids.begin(), ids.end()}, "tasks and groups");
}

}  // namespace troupe::cli
