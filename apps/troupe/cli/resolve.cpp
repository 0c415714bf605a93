#include "apps/troupe/cli/resolve.h"

#include "apps/troupe/cli/fleet.h"
#include "apps/troupe/cli/members.h"
#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/queue_name.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "runtime/base/random.h"
#include "runtime/rpc/errors.h"

#include <algorithm>
#include <cstdint>
#include <optional>
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

// What `ask` answers, or nothing if we may not ask that.
template <class Ask>
auto if_allowed(const Ask& ask) -> decltype(ask()) {
  try {
    return ask();
  } catch (const kj::Exception& refused) {
    if (error_from(refused).code != Errc::forbidden) throw;
    return {};
  }
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

// So many ids of other platforms are asked about: they may be this one, reached in another way.
constexpr std::size_t others_max = 8;

bool knows(Session& session, const LastMade& made) {
  const Found found = if_allowed([&] { return find_ids(session, made.id); });
  return !(made.kind == NameKind::task ? found.tasks : found.groups).empty();
}

// What was made on this platform, the newest first, until `visit` returns false.
template <class Visit>
void visit_made(Session& session, const Visit& visit) {
  std::size_t asked = 0;
  for (const LastMade& made : last_made()) {
    const bool here = made.platform == session.target().platform ||
                      (asked++ < others_max && knows(session, made));
    if (here && !visit(made)) return;
  }
}

Result<std::string> last_of(Session& session, NameKind kind) {
  std::optional<LastMade> last;
  visit_made(session, [&](const LastMade& made) {
    if (made.kind == kind || made.kind == NameKind::group) last = made;
    return !last;
  });
  if (last) return last->kind == kind ? last->id : telling_member(session, last->id);
  return Error{Errc::not_found, std::string("`last`: you have not made a ") + word(kind) + " on " +
                                    session.target().platform + " yet: give its id"};
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

constexpr std::ptrdiff_t whole_worker_slashes = 3;  // PROVISIONER/TYPE/GROUP/ID

std::string whole_name(schema::WorkerSummary::Reader worker) {
  return std::string(worker.getTaskQueueId().cStr()) + "/" + worker.getWorkerGroup().cStr() + "/" +
         worker.getWorkerId().cStr();
}

// The workers that lists show as `GROUP/ID`, or whose id is that, each with its queue in front.
std::vector<std::string> workers_named(Session& session, const std::string& group_and_id) {
  std::vector<std::string> found;
  for_each_worker(session, "", [&](schema::WorkerSummary::Reader worker) {
    const std::string name =
        std::string(worker.getWorkerGroup().cStr()) + "/" + worker.getWorkerId().cStr();
    if (name == group_and_id || group_and_id == worker.getWorkerId().cStr()) {
      found.push_back(whole_name(worker));
    }
  });
  return found;
}

// The one worker of that name; `otherwise` if there is none, or we may not know.
Result<std::string> worker_or(Session& session,
                              const std::string& name,
                              Result<std::string> otherwise) {
  const auto workers = if_allowed([&] { return workers_named(session, name); });
  if (workers.empty()) return otherwise;
  if (workers.size() > 1) return ambiguous(name, workers, "workers");
  return workers.front();
}

// `A/B` may be a queue, `GROUP/NAME` or a worker as lists show it. A queue that exists is one;
// else, what begins like a group is one; else a worker of that name; else it is a queue that nobody
// has used, and the server can say so.
Result<std::string> resolve_pair(Session& session, const std::string& subject) {
  const Result<ParsedName> name = parse_name(subject, NameKind::task);
  const IdPrefix* prefix = name.ok() ? std::get_if<IdPrefix>(&name.value().base) : nullptr;
  if (name.ok() && prefix == nullptr) return resolve_task(session, subject);
  if (if_allowed([&] { return has_queue(session, subject); })) return subject;
  const auto groups = [&] { return find_ids(session, prefix->value).groups; };
  if (prefix != nullptr && if_allowed(groups).size() == 1) return resolve_task(session, subject);
  const Status named = check_queue_name(subject);
  return worker_or(session, subject,
                   named.ok() ? Result<std::string>(subject) : Result<std::string>(named.error()));
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

Result<std::string> resolve_worker(Session& session, std::string_view text) {
  const std::string name(text);
  const auto slashes = std::count(name.begin(), name.end(), '/');
  if (slashes == whole_worker_slashes) return name;
  std::vector<std::string> known;
  std::vector<std::string> found;
  for_each_worker(session, "", [&](schema::WorkerSummary::Reader worker) {
    const std::string id = worker.getWorkerId().cStr();
    known.push_back(slashes == 0 ? id : worker.getWorkerGroup().cStr() + ("/" + id));
    if (known.back() == name) found.push_back(whole_name(worker));
  });
  if (found.size() == 1) return found.front();
  if (found.size() > 1) return ambiguous(name, found, "workers");
  return Error{Errc::not_found, "no worker is called \"" + name + "\"" +
                                    group_file::nearest_hint(name, known) +
                                    ": name one as `troupe worker list` shows it, GROUP/ID, or "
                                    "with its queue in front"};
}

Result<std::string> resolve_subject(Session& session, std::string_view text) {
  const std::string subject(text);
  const auto slashes = std::count(subject.begin(), subject.end(), '/');
  if (slashes == 1) return resolve_pair(session, subject);
  if (slashes > 1) return subject;

  const Result<ParsedName> name = parse_name(subject, NameKind::task);
  if (!name.ok()) {
    return worker_or(
        session, subject,
        Error{Errc::invalid, "\"" + subject +
                                 "\": give a task, a group, a queue (PROVISIONER/TYPE) or a worker "
                                 "(PROVISIONER/TYPE/GROUP/ID, GROUP/ID or ID)"});
  }
  if (const Id* id = std::get_if<Id>(&name.value().base)) return id->value;
  if (std::holds_alternative<Last>(name.value().base)) {
    std::string id;
    visit_made(session, [&id](const LastMade& made) {
      id = made.id;
      return false;
    });
    return id.empty() ? last_of(session, NameKind::task) : id;
  }
  const Found found = find_ids(session, subject);
  // A task that is alone in its group shares its id.
  std::set<std::string> ids(found.tasks.begin(), found.tasks.end());
  ids.insert(found.groups.begin(), found.groups.end());
  if (ids.size() == 1) return *ids.begin();
  if (ids.empty()) {
    return worker_or(
        session, subject,
        Error{Errc::not_found, "no task or group has an id that begins with \"" + subject +
                                   "\", and no worker is called so: `troupe task list`, "
                                   "`group list` and `worker list` show what there is"});
  }
  return ambiguous(subject, {ids.begin(), ids.end()}, "tasks and groups");
}

}  // namespace troupe::cli
