#include "apps/troupe/cli/watch.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/group_observer.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/terminal.h"
#include "apps/troupe/cli/watch_explain.h"
#include "apps/troupe/cli/watch_reasons.h"
#include "apps/troupe/cli/watch_state.h"
#include "apps/troupe/cli/watch_view.h"
#include "runtime/clock/clock.h"

#include <unistd.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

using schema::TaskState;

constexpr auto redraw_interval = 200 * kj::MILLISECONDS;
constexpr auto first_look = 500 * kj::MILLISECONDS;  // then each second
constexpr auto look_interval = 1 * kj::SECONDS;
constexpr std::size_t tails_max = 100;  // running tasks whose last line is asked for at once

class Watcher {
 public:
  Watcher(Reconnector& server, const std::string& group_id, WatchOptions options)
      : server_(server),
        options_(options),
        observer_(server, group_id, group_, [this](const WatchedTask& task) {
          view_->changed(group_, task);
        }) {
    const bool table = !options.json && obeys_escapes(STDOUT_FILENO);
    view_ = make_watch_view(options.json ? WatchStyle::json
                            : table      ? WatchStyle::table
                                         : WatchStyle::lines,
                            group_id);
    server_.on_loss([this](const std::string& text) { view_->note(text); });
  }
  ~Watcher() { server_.on_loss(print_note); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  kj::Promise<int> run() {
    return observer_.next().then([this] {
      redrawing_ = redraw().eagerlyEvaluate(nullptr);
      looking_ = look_after(first_look).eagerlyEvaluate(nullptr);
      return follow().exclusiveJoin(until_finished()).then([this] {
        view_->finish(group_);
        return options_.exit_status ? group_.exit_status() : int{exit_done};
      });
    });
  }

 private:
  kj::Promise<void> follow() {
    if (group_.finished()) return kj::READY_NOW;
    return observer_.next().then([this] { return follow(); });
  }

  kj::Promise<void> redraw() {
    view_->tick(group_, wall_now());
    return server_.timer().afterDelay(redraw_interval).then([this] { return redraw(); });
  }

  // What only `look` finds out: that a failure outside of the group blocks the rest.
  kj::Promise<void> until_finished() {
    auto end = kj::newPromiseAndFulfiller<void>();
    finished_ = kj::mv(end.fulfiller);
    return kj::mv(end.promise);
  }

  kj::Promise<void> look_after(kj::Duration delay) {
    return server_.timer().afterDelay(delay).then([this] {
      auto both = kj::heapArrayBuilder<kj::Promise<void>>(2);
      both.add(read_tails().catch_([](kj::Exception&&) {}));
      both.add(explain_waiting().catch_([](kj::Exception&&) {}));
      return kj::joinPromises(both.finish()).then([this] {
        if (group_.finished()) finished_->fulfill();
        return look_after(look_interval);
      });
    });
  }

  kj::Promise<void> read_tails() {
    std::vector<std::string> ids;
    for (const WatchedTask& task : group_.tasks()) {
      if (task.state == TaskState::RUNNING && ids.size() < tails_max) ids.push_back(task.id);
    }
    if (ids.empty() || options_.json) return kj::READY_NOW;
    return server_
        .call([ids = std::move(ids)](client::Connection& connection) {
          auto request = connection.troupe().tailsRequest();
          auto list = request.initTaskIds(static_cast<kj::uint>(ids.size()));
          for (kj::uint i = 0; i < list.size(); ++i) list.set(i, ids[i]);
          return kj::Promise<capnp::Response<schema::Troupe::TailsResults>>(request.send());
        })
        .then([this](capnp::Response<schema::Troupe::TailsResults>&& answer) {
          for (const auto tail : answer.getTails()) {
            WatchedTask* task = group_.find(tail.getTaskId().cStr());
            if (task != nullptr && task->state == TaskState::RUNNING) {
              task->note = tail.getLine().cStr();
            }
          }
        });
  }

  kj::Promise<void> explain_waiting() {
    auto all = kj::Vector<kj::Promise<void>>();
    for (const std::string& id : questions_.next(group_)) {
      all.add(ask_why(server_, id).then([this, id](Reason&& reason) { take_reason(id, reason); }));
    }
    return kj::joinPromises(all.releaseAsArray());
  }

  void take_reason(const std::string& id, const Reason& reason) {
    if (!note_reason(group_, id, reason)) return;
    const WatchedTask& task = *group_.find(id);
    std::string& said = said_[task.queue + "/" + task.worker];
    if (reason.code.empty()) {
      said.clear();
      return;
    }
    // Waiting for a turn, while others have theirs, is no news.
    if (reason.code == "workers-busy" && group_.count(TaskState::RUNNING) > 0) return;
    if (said == reason.news) return;
    said = reason.news;
    view_->note(harmless(task.name) + ": " + reason.message);
  }

  Reconnector& server_;
  const WatchOptions options_;
  std::unique_ptr<WatchView> view_;
  WatchedGroup group_;
  GroupObserver observer_;
  Questions questions_;
  std::map<std::string, std::string> said_;  // the last news, by queue and worker
  kj::Own<kj::PromiseFulfiller<void>> finished_;
  kj::Promise<void> redrawing_ = nullptr;
  kj::Promise<void> looking_ = nullptr;
};

}  // namespace

kj::Promise<int> watch_group(Reconnector& server,
                             const std::string& group_id,
                             WatchOptions options) {
  auto watcher = kj::heap<Watcher>(server, group_id, options);
  auto outcome = watcher->run();
  return outcome.attach(kj::mv(watcher));
}

Result<int> watch_group(kj::AsyncIoContext& io,
                        const client::Target& target,
                        const std::string& group_id,
                        const WatchOptions& options) {
  const Interrupts interrupts;
  Reconnector server(io, target);
  return server.start()
      .then([&] { return watch_group(server, group_id, options); })
      .exclusiveJoin(interrupts.next(io).then([](int) { return int{exit_interrupted}; }))
      .wait(io.waitScope);
}

}  // namespace troupe::cli
