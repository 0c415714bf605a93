#include "apps/troupe/cli/group_actions.h"

#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/members.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/priority.h"
#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/task_log.h"
#include "apps/troupe/cli/task_views.h"
#include "runtime/base/counted.h"
#include "runtime/base/json_writer.h"
#include "runtime/clock/clock.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <re2/re2.h>

#include <unistd.h>

#include <algorithm>
#include <set>

namespace troupe::cli {
namespace {

constexpr std::uint32_t page_max = 1000;
constexpr std::size_t cancels_at_once = 100;

struct Member {
  std::string task_id;
  std::string name;
  schema::TaskState state = schema::TaskState::UNSCHEDULED;
  std::uint32_t runs = 0;
};

std::vector<Member> members_of(Session& session, const std::string& group_id) {
  std::vector<Member> members;
  for_each_member(session, group_id, [&members](schema::TaskAndStatus::Reader one) {
    const auto status = one.getStatus();
    members.push_back({.task_id = status.getTaskId().cStr(),
                       .name = one.getTask().getMetadata().getName().cStr(),
                       .state = status.getState(),
                       .runs = status.getRuns().size()});
  });
  return members;
}

bool has_failed(const Member& member) {
  return member.state == schema::TaskState::FAILED || member.state == schema::TaskState::EXCEPTION;
}

Result<std::string> group_id_of(Session& session, const std::string& group) {
  return resolve_group(session, group);
}

// One member's latest log, each line with the member's name in front.
void print_member_log(Reconnector& server,
                      const Member& member,
                      const RE2* expression,
                      bool json,
                      std::size_t name_width) {
  const std::string label =
      harmless(member.name) + std::string(name_width - text_width(harmless(member.name)), ' ');
  const std::string prefix =
      coloured(label, colour_on(STDOUT_FILENO) ? Colour::dim : Colour::none) + " | ";
  LineLogOutput output([&](std::uint32_t run, std::string_view line) {
    if (expression != nullptr && !RE2::PartialMatch({line.data(), line.size()}, *expression))
      return;
    if (json) {
      JsonWriter object;
      object.begin_object().key("taskId").string(member.task_id).key("name").string(member.name);
      object.key("runId").uint64(run).key("line").string(line).end_object();
      print_line(object.take());
    } else {
      print_line(prefix + std::string(line));
    }
  });
  LogPlace place{.task_id = member.task_id, .run_id = member.runs - 1, .offset = 0};
  output.begin_run(place.run_id);
  kj::Maybe<kj::Exception> thrown =
      kj::runCatchingExceptions([&] { read_run_log(server, place, false, output); });
  KJ_IF_MAYBE (exception, thrown) {
    // A run that was resolved before it printed anything has no log.
    if (error_from(*exception).code != Errc::not_found) kj::throwFatalException(kj::mv(*exception));
  }
  output.end_run();
}

enum class Cancel { done, ended, past_deadline };

kj::Promise<Cancel> cancel_task(Reconnector& server, const std::string& task_id) {
  using Answer = capnp::Response<schema::TaskStatusResponse>;
  return server
      .call([task_id](client::Connection& connection) {
        auto request = connection.queue().cancelTaskRequest();
        request.setTaskId(task_id);
        return kj::Promise<Answer>(request.send());
      })
      .then(
          [](Answer&& answer) {
            return is_cancelled(answer.getStatus()) ? Cancel::done : Cancel::ended;
          },
          [](kj::Exception&& exception) {
            // Its deadline has passed, and ends it soon if it has not yet.
            if (error_from(exception).code == Errc::conflict) return Cancel::past_deadline;
            kj::throwFatalException(kj::mv(exception));
          });
}

struct Cancelled {
  std::vector<std::string> ids;
  std::size_t past_deadline = 0;  // they could not be
};

// Adds to `cancelled` what becomes of them; so many calls at once.
void cancel_members(Reconnector& server, const std::vector<Member>& members, Cancelled& cancelled) {
  for (std::size_t from = 0; from < members.size(); from += cancels_at_once) {
    const std::size_t count = std::min(cancels_at_once, members.size() - from);
    auto calls = kj::heapArrayBuilder<kj::Promise<Cancel>>(count);
    for (std::size_t i = from; i < from + count; ++i) {
      calls.add(cancel_task(server, members[i].task_id));
    }
    const kj::Array<Cancel> outcomes = kj::joinPromises(calls.finish()).wait(server.io().waitScope);
    for (std::size_t i = 0; i < count; ++i) {
      if (outcomes[i] == Cancel::done) cancelled.ids.push_back(members[from + i].task_id);
      if (outcomes[i] == Cancel::past_deadline) cancelled.past_deadline += 1;
    }
  }
}

// What `group cancel` did, for people.
std::string cancelled_text(const Cancelled& cancelled) {
  const std::string past =
      "the deadline of " + counted(cancelled.past_deadline, "task") + " has passed";
  if (!cancelled.ids.empty()) {
    return counted(cancelled.ids.size(), "task") + " cancelled" +
           (cancelled.past_deadline > 0 ? "; " + past : "");
  }
  return (cancelled.past_deadline > 0 ? past : "every task has ended already") +
         ", nothing cancelled";
}

// Cancels what has not ended; with each look those that joined since the one before. Returns how
// many tasks the group has.
std::size_t cancel_all(Session& session,
                       Reconnector& server,
                       const std::string& group_id,
                       Cancelled& cancelled) {
  std::set<std::string> asked;
  for (;;) {
    std::vector<Member> members = members_of(session, group_id);
    const std::size_t size = members.size();
    std::erase_if(members, [&asked](const Member& member) {
      return is_resolved(member.state) || !asked.insert(member.task_id).second;
    });
    if (members.empty()) return size;
    // What waits first: nothing begins because something before it has ended.
    std::stable_sort(members.begin(), members.end(),
                     [](const Member& a, const Member& b) { return a.state < b.state; });
    cancel_members(server, members, cancelled);
  }
}

}  // namespace

int group_list(const GlobalOptions& global, const GroupListOptions& options) {
  return with_session(global, [&](Session& session) -> Result<int> {
    Listing listing(global.json, "groups",
                    {"GROUP", ">TASKS", ">OPEN", "SEALED", "CREATED", "NAME"});
    const Instant now = wall_now();
    bool more = false;
    read_pages([&](const std::string& token) -> std::string {
      const std::uint32_t wanted = options.limit == 0
                                       ? page_max
                                       : static_cast<std::uint32_t>(options.limit - listing.size());
      auto request = session.troupe().listTaskGroupsRequest();
      request.setContinuationToken(token);
      request.setLimit(std::min(page_max, wanted));
      const auto page = session.wait(request.send());
      for (const auto one : page.getGroups()) {
        listing.add([&one] { return to_json(one); },
                    [&one, now] {
                      return std::vector<Cell>{one.getGroup().getTaskGroupId().cStr(),
                                               std::to_string(one.getTasks()),
                                               std::to_string(one.getUnresolved()),
                                               one.getGroup().getSealed() != 0 ? "yes" : "no",
                                               relative_time(Instant{one.getCreated()}, now),
                                               one.getName().cStr()};
                    });
      }
      const std::string next = page.getContinuationToken().cStr();
      more = !next.empty();
      return options.limit != 0 && listing.size() >= options.limit ? std::string() : next;
    });
    listing.print("no groups");
    if (more && !global.json) print_note("there are more: --limit 0 shows all");
    return int{exit_done};
  });
}

int group_log(const GlobalOptions& global, const GroupLogOptions& options) {
  RE2::Options quiet;
  quiet.set_log_errors(false);
  const RE2 expression(options.expression, quiet);
  if (!expression.ok()) {
    return report({Errc::invalid, "--grep " + options.expression + ": " + expression.error()});
  }
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    const Result<std::string> group_id = group_id_of(session, options.group);
    if (!group_id.ok()) return group_id.error();
    std::vector<Member> members = members_of(session, group_id.value());
    std::erase_if(members, [&options](const Member& member) {
      return member.runs == 0 || (options.failed && !has_failed(member));
    });
    std::size_t width = 0;
    for (const Member& one : members) width = std::max(width, text_width(harmless(one.name)));
    const RE2* filter = options.expression.empty() ? nullptr : &expression;
    for (const Member& one : members) print_member_log(server, one, filter, global.json, width);
    if (members.empty()) {
      print_note("group " + group_id.value() +
                 (options.failed ? ": no task has failed" : ": no task has run yet"));
    }
    return int{exit_done};
  });
}

int group_cancel(const GlobalOptions& global, const std::string& group) {
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    const Result<std::string> group_id = group_id_of(session, group);
    if (!group_id.ok()) return group_id.error();
    Cancelled cancelled;
    const std::size_t size = cancel_all(session, server, group_id.value(), cancelled);
    if (global.json) {
      JsonWriter json;
      json.begin_object().key("taskGroupId").string(group_id.value());
      json.key("taskGroupSize").uint64(size).key("cancelledCount").uint64(cancelled.ids.size());
      json.key("taskIds").begin_array();
      for (const std::string& id : cancelled.ids) json.string(id);
      print_line(json.end_array().end_object().take());
    } else {
      print_line("group " + group_id.value() + ": " + cancelled_text(cancelled));
    }
    return int{exit_done};
  });
}

int group_priority(const GlobalOptions& global, const std::string& group, const std::string& name) {
  const auto priority = read_priority(name);
  if (!priority.ok()) return report(priority.error());
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> group_id = group_id_of(session, group);
    if (!group_id.ok()) return group_id.error();
    auto request = session.queue().changeTaskGroupPriorityRequest();
    request.setTaskGroupId(group_id.value());
    request.initChange().setNewPriority(priority.value());
    const auto answer = session.wait(request.send());
    const schema::TaskGroupPriority::Reader changed = answer;
    const auto count = changed.getTasksAffected();
    print_line(global.json ? to_json(changed)
                           : "group " + group_id.value() + ": " +
                                 (count == 0 ? "no task has another priority now"
                                             : counted(count, "task") + " changed to " + name));
    return int{exit_done};
  });
}

int group_seal(const GlobalOptions& global, const std::string& group) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> group_id = group_id_of(session, group);
    if (!group_id.ok()) return group_id.error();
    auto request = session.queue().sealTaskGroupRequest();
    request.setTaskGroupId(group_id.value());
    const auto answer = session.wait(request.send());
    const schema::TaskGroup::Reader sealed = answer;
    print_line(global.json ? to_json(sealed)
                           : "group " + group_id.value() + " is sealed since " +
                                 format_time(Instant{sealed.getSealed()}));
    return int{exit_done};
  });
}

}  // namespace troupe::cli
