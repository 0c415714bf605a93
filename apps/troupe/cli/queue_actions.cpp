#include "apps/troupe/cli/queue_actions.h"

#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/cli/worker_views.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

namespace troupe::cli {
namespace {

std::vector<Cell> queue_row(schema::QueueSummary::Reader queue) {
  return {queue.getTaskQueueId().cStr(),       std::to_string(queue.getPending()),
          std::to_string(queue.getClaimed()),  std::to_string(queue.getWorkers()),
          std::to_string(queue.getCapacity()), std::to_string(queue.getPaused())};
}

Listing queue_listing(bool json) {
  return {json, "queues", {"QUEUE", ">PENDING", ">CLAIMED", ">WORKERS", ">CAPACITY", ">PAUSED"}};
}

void print_members(capnp::List<schema::MemberReason>::Reader members, const Layout& layout) {
  Table table({">TASKS", "WHY", "SUCH AS", "NAME", "WHAT IS SAID OF IT"});
  for (const auto member : members) {
    table.add({std::to_string(member.getTasks()),
               member.getCode().size() > 0 ? member.getCode().cStr() : "-",
               member.getTaskId().cStr(), member.getName().cStr(), member.getMessage().cStr()});
  }
  print_out("\n" + table.render(layout));
}

void print_explanation(schema::Explanation::Reader explanation, const Layout& layout) {
  const std::string message = explanation.getMessage().cStr();
  const std::string code = explanation.getCode().cStr();
  if (!message.empty()) {
    print_line(harmless(message));
  } else {
    print_line(code.empty() ? "nothing is wrong" : code);
  }
  if (explanation.getHelp().size() > 0) print_line(harmless(explanation.getHelp().cStr()));
  if (explanation.getMembers().size() > 0) print_members(explanation.getMembers(), layout);
  if (explanation.getBlockers().size() == 0) return;
  Table table({"BLOCKED BY", "STATE", "WHY", "NAME"});
  for (const auto blocker : explanation.getBlockers()) {
    const bool resolved = blocker.getReason() != schema::ReasonResolved::NONE;
    table.add({blocker.getTaskId().cStr(), state_cell(blocker.getState()),
               resolved ? enum_name(blocker.getReason()) : std::string("-"),
               blocker.getName().cStr()});
  }
  print_out("\n" + table.render(layout));
}

}  // namespace

int queue_list(const GlobalOptions& global) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const auto answer = session.wait(session.troupe().listQueuesRequest().send());
    Listing listing = queue_listing(global.json);
    for (const auto queue : answer.getQueues()) {
      // No worker serves it: the command line itself uploads files through it.
      if (std::string_view(queue.getTaskQueueId().cStr()) == group_file::upload_queue) continue;
      listing.add([&queue] { return to_json(queue); }, [&queue] { return queue_row(queue); });
    }
    listing.print("no queue has been used yet");
    return int{exit_done};
  });
}

int queue_show(const GlobalOptions& global, const std::string& queue_id) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const auto answer = session.wait(session.troupe().listQueuesRequest().send());
    std::vector<std::string> known;
    for (const auto queue : answer.getQueues()) {
      known.emplace_back(queue.getTaskQueueId().cStr());
      if (known.back() != queue_id) continue;
      if (global.json) {
        print_line(to_json(queue));
        return int{exit_done};
      }
      Listing listing = queue_listing(false);
      listing.add([] { return std::string(); }, [&queue] { return queue_row(queue); });
      listing.print({});
      auto request = session.troupe().listWorkersRequest();
      request.setTaskQueueId(queue_id);
      const auto workers = session.wait(request.send());
      print_out("\n");
      print_workers(workers.getWorkers(), false, true, "no worker has served it");
      return int{exit_done};
    }
    return Error{Errc::not_found, "no queue \"" + queue_id + "\" has been used" +
                                      group_file::nearest_hint(queue_id, known) +
                                      ": `troupe queue list` shows what there is"};
  });
}

int queue_pending(const GlobalOptions& global, const std::string& queue_id) {
  return with_session(global, [&](Session& session) -> Result<int> {
    Listing listing(global.json, "tasks", {"TASK", ">RUN", "PRIORITY", "WAITING SINCE", "NAME"});
    const Instant now = wall_now();
    read_pages([&](const std::string& token) {
      auto request = session.queue().listPendingTasksRequest();
      request.setTaskQueueId(queue_id);
      request.setContinuationToken(token);
      const auto page = session.wait(request.send());
      for (const auto one : page.getTasks()) {
        listing.add([&one] { return to_json(one); },
                    [&one, now] {
                      const auto task = one.getTask();
                      return std::vector<Cell>{one.getTaskId().cStr(),
                                               std::to_string(one.getRunId()),
                                               enum_name(task.getPriority()),
                                               relative_time(Instant{one.getInserted()}, now),
                                               task.getMetadata().getName().cStr()};
                    });
      }
      return std::string(page.getContinuationToken().cStr());
    });
    listing.print("nothing waits in " + queue_id);
    return int{exit_done};
  });
}

int explain(const GlobalOptions& global, const std::string& subject) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> resolved = resolve_subject(session, subject);
    if (!resolved.ok()) return resolved.error();
    auto request = session.troupe().explainRequest();
    request.setSubject(resolved.value());
    const auto answer = session.wait(request.send());
    if (global.json) {
      print_line(to_json(answer.getExplanation()));
    } else {
      print_explanation(answer.getExplanation(), layout_of_stdout());
    }
    return int{exit_done};
  });
}

}  // namespace troupe::cli
