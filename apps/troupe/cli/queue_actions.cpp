#include "apps/troupe/cli/queue_actions.h"

#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/fleet.h"
#include "apps/troupe/cli/listing.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/pages.h"
#include "apps/troupe/cli/queue_name.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/cli/worker_views.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

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

// The summary, and its workers under the name that `explain` gives them.
std::string queue_json(std::string queue, const std::vector<std::string>& workers) {
  queue.pop_back();  // the end of the object, which has members that are required
  return fmt::format("{},\"staff\":[{}]}}", queue, fmt::join(workers, ","));
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
  if (explanation.getStaff().size() > 0) {
    print_out("\n");
    Listing staff = worker_listing(false);
    for (const auto worker : explanation.getStaff()) add_worker(staff, worker);
    staff.print({});
  }
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

using Queue = schema::QueueSummary::Reader;

Error unknown_queue(Session& session, const std::string& queue_id) {
  std::vector<std::string> known;
  for_each_queue(session, "",
                 [&known](Queue queue) { known.emplace_back(queue.getTaskQueueId().cStr()); });
  return {Errc::not_found, "no queue \"" + queue_id + "\" has been used" +
                               group_file::nearest_hint(queue_id, known) +
                               ": `troupe queue list` shows what there is"};
}

/// A run that waits: its JSON, or its row.
struct Waiting {
  schema::Priority priority;
  std::string json;
  std::vector<Cell> row;
};

std::vector<Cell> waiting_row(schema::PendingTask::Reader one, Instant now) {
  const auto task = one.getTask();
  return {one.getTaskId().cStr(), std::to_string(one.getRunId()), enum_name(task.getPriority()),
          relative_time(Instant{one.getInserted()}, now), task.getMetadata().getName().cStr()};
}

}  // namespace

int queue_list(const GlobalOptions& global) {
  return with_session(global, [&](Session& session) -> Result<int> {
    Listing listing = queue_listing(global.json);
    for_each_queue(session, "", [&listing](Queue queue) {
      // No worker serves it: the command line itself uploads files through it.
      if (std::string_view(queue.getTaskQueueId().cStr()) == group_file::upload_queue) return;
      listing.add([&queue] { return to_json(queue); }, [&queue] { return queue_row(queue); });
    });
    listing.print("no queue has been used yet");
    return int{exit_done};
  });
}

int queue_show(const GlobalOptions& global, const std::string& queue_id) {
  if (auto named = check_queue_name(queue_id); !named.ok()) return report(named.error());
  return with_session(global, [&](Session& session) -> Result<int> {
    std::string json;
    Listing listing = queue_listing(false);
    for_each_queue(session, queue_id, [&](Queue queue) {
      json = to_json(queue);
      listing.add([] { return std::string(); }, [&queue] { return queue_row(queue); });
    });
    if (json.empty()) return unknown_queue(session, queue_id);
    Listing workers = worker_listing(false);
    std::vector<std::string> staff;
    for_each_worker(session, queue_id, [&](auto worker) {
      if (global.json) staff.push_back(to_json(worker));
      add_worker(workers, worker);
    });
    if (global.json) {
      print_line(queue_json(json, staff));
      return int{exit_done};
    }
    listing.print({});
    print_out("\n");
    workers.print("no worker has served it");
    return int{exit_done};
  });
}

int queue_pending(const GlobalOptions& global, const std::string& queue_id) {
  if (auto named = check_queue_name(queue_id); !named.ok()) return report(named.error());
  return with_session(global, [&](Session& session) -> Result<int> {
    std::vector<Waiting> waiting;
    const Instant now = wall_now();
    const auto ask = [&] {
      auto request = session.queue().listPendingTasksRequest();
      request.setTaskQueueId(queue_id);
      return request;
    };
    for_each_page(session, ask, [&](const auto& page) {
      for (const auto one : page.getTasks()) {
        waiting.push_back({one.getTask().getPriority(), global.json ? to_json(one) : std::string(),
                           global.json ? std::vector<Cell>() : waiting_row(one, now)});
      }
    });
    if (waiting.empty() && !has_queue(session, queue_id)) return unknown_queue(session, queue_id);
    // They come by age; who is more urgent is claimed first.
    std::ranges::stable_sort(waiting, std::ranges::greater{}, &Waiting::priority);
    Listing listing(global.json, "tasks", {"TASK", ">RUN", "PRIORITY", "WAITING SINCE", "NAME"});
    for (const Waiting& one : waiting) {
      listing.add([&one] { return one.json; }, [&one] { return one.row; });
    }
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
