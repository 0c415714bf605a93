// Between two looks at the task it waits for one of its events: nothing that happens in between is
// missed, and nothing polls.
#include "apps/troupe/cli/task_follow.h"

#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/task_observer.h"
#include "apps/troupe/cli/task_views.h"
#include "runtime/rpc/errors.h"

#include <algorithm>

namespace troupe::cli {
namespace {

// Also how long a reader that has gone is not noticed while the task does not run.
constexpr std::uint32_t event_wait_seconds = 5;

class Follower {
 public:
  Follower(Reconnector& server, const std::string& task_id, LogOutput& output)
      : server_(server), task_(server, task_id), output_(output), place_{.task_id = task_id} {}

  schema::TaskState follow(std::optional<std::uint32_t> only_run) {
    advance(0);
    bool first_look = true;
    for (;;) {
      const auto answer = status();
      const auto status = answer.getStatus();
      const auto runs = status.getRuns();
      if (first_look) place_.run_id = only_run.value_or(runs.size() > 0 ? runs.size() - 1 : 0);
      first_look = false;
      if (place_.run_id >= runs.size() && is_resolved(status.getState())) {
        if (only_run) throw_no_run(*only_run);
        return status.getState();
      }
      const bool begun = place_.run_id < runs.size() &&
                         runs[place_.run_id].getState() != schema::TaskState::PENDING;
      if (begun && read_run(is_resolved(runs[place_.run_id].getState()))) {
        if (only_run) return run_state(*only_run);
        place_.run_id += 1;
        place_.offset = 0;
        continue;
      }
      if (!begun) say_why();
      end_if_reader_has_gone();
      advance(event_wait_seconds);
    }
  }

 private:
  TaskObserver::Status status() { return task_.status().wait(server_.io().waitScope); }

  [[noreturn]] void throw_no_run(std::uint32_t run_id) const {
    kj::throwFatalException(
        exception_from({Errc::not_found, "task " + place_.task_id + " ended without a run " +
                                             std::to_string(run_id)}));
  }

  // A log's end and the run's resolution are two things: the log may be seen whole just before.
  schema::TaskState run_state(std::uint32_t run_id) {
    for (;;) {
      const auto answer = status();
      const schema::TaskState state = answer.getStatus().getRuns()[run_id].getState();
      if (is_resolved(state)) return state;
      advance(event_wait_seconds);
    }
  }

  // Whether the run is over. One that never printed has no log, and that is not an error.
  bool read_run(bool resolved) {
    bool finished = false;
    output_.begin_run(place_.run_id);
    kj::Maybe<kj::Exception> thrown =
        kj::runCatchingExceptions([&] { finished = read_run_log(server_, place_, true, output_); });
    KJ_IF_MAYBE (exception, thrown) {
      if (error_from(*exception).code != Errc::not_found)
        kj::throwFatalException(kj::mv(*exception));
      finished = resolved;
    }
    if (finished) output_.end_run();
    return finished;
  }

  void advance(std::uint32_t wait_seconds) {
    task_.next_event(wait_seconds).wait(server_.io().waitScope);
  }

  void say_why() {
    const std::string message = server_.ask([this](client::Connection& connection) {
      auto request = connection.troupe().explainRequest();
      request.setSubject(place_.task_id);
      return request.send().then([](capnp::Response<schema::Troupe::ExplainResults>&& answer) {
        return std::string(answer.getExplanation().getMessage().cStr());
      });
    });
    if (!message.empty() && message != said_) print_note(harmless("waiting: " + message));
    said_ = message;
  }

  Reconnector& server_;
  TaskObserver task_;
  LogOutput& output_;
  LogPlace place_;
  std::string said_;  // why nothing runs, as last printed
};

}  // namespace

schema::TaskState follow_log(Reconnector& server,
                             const std::string& task_id,
                             std::optional<std::uint32_t> only_run,
                             LogOutput& output) {
  return Follower(server, task_id, output).follow(only_run);
}

}  // namespace troupe::cli
