#include "apps/troupe/cli/group_rerun.h"

#include "apps/troupe/cli/group_observer.h"
#include "apps/troupe/cli/once.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/rerun_plan.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/table.h"
#include "runtime/base/counted.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace troupe::cli {
namespace {

class GroupRerun {
 public:
  GroupRerun(Reconnector& server, std::string group_id, bool only_failed, bool json)
      : server_(server),
        group_id_(std::move(group_id)),
        only_failed_(only_failed),
        json_(json),
        observer_(server, group_id_, group_, [](const WatchedTask&) {}) {}

  kj::Promise<int> run() {
    return observer_.read().then([this]() -> kj::Promise<int> {
      plan_.emplace(group_, only_failed_);
      if (plan_->waiting() > 0) return go_on();
      print_note("group " + group_id_ +
                 (only_failed_ ? ": no task has failed" : ": no task is resolved") +
                 ", nothing is rerun");
      return int{exit_done};
    });
  }

  int say_left() const {
    print_note(fmt::format("left: {} not rerun", counted(plan_ ? plan_->waiting() : 0, "task")));
    return exit_interrupted;
  }

 private:
  kj::Promise<int> go_on() {
    RerunPlan::Step step = plan_->next(group_);
    for (const RerunPlan::Dropped& one : step.dropped) {
      fail(fmt::format("{} is not rerun: it needs {}, which did not complete", name_of(one.task),
                       name_of(one.need)));
    }
    return rerun(std::move(step.ready), 0).then([this](bool all) -> kj::Promise<int> {
      if (plan_->waiting() == 0) return status_;
      if (!all) return go_on();
      say_waiting();
      return observer_.next().then([this] { return go_on(); });
    });
  }

  // Whether all could be, from this index on.
  kj::Promise<bool> rerun(std::vector<std::string> ids, std::size_t from, bool all = true) {
    if (from == ids.size()) return all;
    const std::string id = ids[from];
    return rerun_task(server_, id)
        .then(
            [this, id](capnp::Response<schema::TaskStatusResponse>&& answer) {
              group_.update(answer.getStatus());
              print_line(json_ ? to_json(answer) : id + "  " + name_of(id));
              return true;
            },
            [this, id](kj::Exception&& exception) {
              const Error error = error_from(exception);
              if (error.code != Errc::conflict) kj::throwFatalException(kj::mv(exception));
              plan_->refuse(id);
              fail(fmt::format("{} is not rerun: {}", name_of(id), error.detail));
              return false;
            })
        .then([this, ids = std::move(ids), from, all](bool done) mutable {
          return rerun(std::move(ids), from + 1, all && done);
        });
  }

  void fail(const std::string& what) {
    print_error(what);
    status_ = exit_failed;
  }

  void say_waiting() {
    if (std::exchange(said_, true)) return;
    print_note(fmt::format(
        "{} more, once what they need has completed: `troupe group watch {}` shows how far it is, "
        "Ctrl-C leaves them as they are",
        counted(plan_->waiting(), "task"), group_id_));
  }

  std::string name_of(const std::string& task_id) const {
    return harmless(group_.find(task_id)->name);
  }

  Reconnector& server_;
  const std::string group_id_;
  const bool only_failed_;
  const bool json_;
  WatchedGroup group_;
  GroupObserver observer_;
  std::optional<RerunPlan> plan_;  // once the group is known
  int status_ = exit_done;
  bool said_ = false;  // that some wait
};

}  // namespace

int group_rerun(const GlobalOptions& global, const GroupRerunOptions& options) {
  const Interrupts interrupts;
  return with_reconnector(global, [&](Session& session, Reconnector& server) -> Result<int> {
    const Result<std::string> group_id = resolve_group(session, options.group);
    if (!group_id.ok()) return group_id.error();
    GroupRerun rerun(server, group_id.value(), options.failed, global.json);
    auto interrupted =
        interrupts.next(server.io()).then([&rerun](int) { return rerun.say_left(); });
    return rerun.run().exclusiveJoin(kj::mv(interrupted)).wait(server.io().waitScope);
  });
}

}  // namespace troupe::cli
