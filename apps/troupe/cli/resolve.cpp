#include "apps/troupe/cli/resolve.h"

#include "apps/troupe/cli/names.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/group_file/problems.h"

#include <algorithm>
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

Found find_ids(client::Connection& connection,
               kj::WaitScope& wait_scope,
               const std::string& prefix) {
  auto request = connection.troupe().findIdsRequest();
  request.setPrefix(prefix);
  const auto answer = request.send().wait(wait_scope);
  Found found;
  for (const auto id : answer.getTaskIds()) found.tasks.emplace_back(id.cStr());
  for (const auto id : answer.getTaskGroupIds()) found.groups.emplace_back(id.cStr());
  return found;
}

Error ambiguous(const std::string& prefix,
                const std::vector<std::string>& ids,
                const std::string& what) {
  std::string detail = "\"" + prefix + "\" is the beginning of several " + what + ":";
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

Result<std::string> last_of(NameKind kind) {
  if (std::optional<std::string> id = last_id(kind)) return *std::move(id);
  return Error{Errc::not_found,
               std::string("`last`: you have not made a ") + word(kind) + " yet: give its id"};
}

Result<std::string> resolve_base(client::Connection& connection,
                                 kj::WaitScope& wait_scope,
                                 const ParsedName& name,
                                 NameKind kind) {
  if (const Id* id = std::get_if<Id>(&name.base)) return id->value;
  if (std::holds_alternative<Last>(name.base)) return last_of(kind);
  const std::string& prefix = std::get<IdPrefix>(name.base).value;
  const Found found = find_ids(connection, wait_scope, prefix);
  return only_one(prefix, kind == NameKind::task ? found.tasks : found.groups, kind);
}

Result<std::string> resolve_member(client::Connection& connection,
                                   kj::WaitScope& wait_scope,
                                   const std::string& group_id,
                                   const std::string& member) {
  std::vector<std::string> ids;
  std::set<std::string> names;
  read_pages([&](const std::string& token) {
    auto request = connection.queue().listTaskGroupRequest();
    request.setTaskGroupId(group_id);
    request.setContinuationToken(token);
    const auto page = request.send().wait(wait_scope);
    for (const auto one : page.getTasks()) {
      const std::string name = one.getTask().getMetadata().getName().cStr();
      if (name == member) ids.emplace_back(one.getStatus().getTaskId().cStr());
      names.insert(name);
    }
    return std::string(page.getContinuationToken().cStr());
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

bool has_queue(client::Connection& connection,
               kj::WaitScope& wait_scope,
               std::string_view task_queue_id) {
  const auto answer = connection.troupe().listQueuesRequest().send().wait(wait_scope);
  for (const auto queue : answer.getQueues()) {
    if (std::string_view(queue.getTaskQueueId().cStr()) == task_queue_id) return true;
  }
  return false;
}

// `A/B` may be a queue or `GROUP/NAME`. A queue that exists is one; else, what begins like a group
// is one; else it is a queue that nobody has used, and the server can say so.
Result<std::string> resolve_pair(client::Connection& connection,
                                 kj::WaitScope& wait_scope,
                                 const std::string& subject) {
  const Result<ParsedName> name = parse_name(subject, NameKind::task);
  if (!name.ok()) return subject;
  if (std::holds_alternative<IdPrefix>(name.value().base)) {
    if (has_queue(connection, wait_scope, subject)) return subject;
    const std::string& prefix = std::get<IdPrefix>(name.value().base).value;
    if (find_ids(connection, wait_scope, prefix).groups.size() != 1) return subject;
  }
  return resolve_task(connection, wait_scope, subject);
}

}  // namespace

Result<std::string> resolve_task(client::Connection& connection,
                                 kj::WaitScope& wait_scope,
                                 std::string_view name) {
  const Result<ParsedName> parsed = parse_name(name, NameKind::task);
  if (!parsed.ok()) return parsed.error();
  const bool in_group = parsed.value().member.has_value();
  Result<std::string> id = resolve_base(connection, wait_scope, parsed.value(),
                                        in_group ? NameKind::group : NameKind::task);
  if (!id.ok() || !in_group) return id;
  return resolve_member(connection, wait_scope, id.value(), *parsed.value().member);
}

Result<std::string> resolve_group(client::Connection& connection,
                                  kj::WaitScope& wait_scope,
                                  std::string_view name) {
  const Result<ParsedName> parsed = parse_name(name, NameKind::group);
  if (!parsed.ok()) return parsed.error();
  return resolve_base(connection, wait_scope, parsed.value(), NameKind::group);
}

Result<std::string> resolve_subject(client::Connection& connection,
                                    kj::WaitScope& wait_scope,
                                    std::string_view text) {
  const std::string subject(text);
  const auto slashes = std::count(subject.begin(), subject.end(), '/');
  if (slashes == 1) return resolve_pair(connection, wait_scope, subject);
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
    if (std::optional<LastMade> made = last_made()) return made->id;
    return last_of(NameKind::task);
  }
  const Found found = find_ids(connection, wait_scope, subject);
  // A task that is alone in its group shares its id.
  std::set<std::string> ids(found.tasks.begin(), found.tasks.end());
  ids.insert(found.groups.begin(), found.groups.end());
  if (ids.size() == 1) return *ids.begin();
  if (ids.empty()) return only_one(subject, {}, NameKind::task);
  return ambiguous(subject, {ids.begin(), ids.end()}, "tasks and groups");
}

}  // namespace troupe::cli
