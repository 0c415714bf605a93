#include "apps/troupe/cli/submit_log.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/task_observer.h"
#include "apps/troupe/cli/task_views.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"

#include <kj/debug.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace troupe::cli {
namespace {

// A pipe that polls as writable takes this much without blocking.
constexpr std::size_t write_bytes_max = 4096;
constexpr auto full_pipe_delay = 5 * kj::MILLISECONDS;
// Between two looks at a run that has no log, or whose end is not recorded yet.
constexpr auto look_again_delay = 50 * kj::MILLISECONDS;
constexpr std::uint32_t event_wait_seconds = 30;

class Follower {
 public:
  Follower(Reconnector& server, LogPlace& place, LogWriter& writer)
      : server_(server), task_(server, place.task_id), place_(place), writer_(writer) {}

  kj::Promise<TaskEnd> follow() {
    return read_run().then([this](bool finished) -> kj::Promise<TaskEnd> {
      if (!finished) return look_again();
      return look_at_status();
    });
  }

 private:
  using Status = TaskObserver::Status;

  // Whether the run has ended and its log was written to the end.
  kj::Promise<bool> read_run() {
    return stream_run_log(server_, place_, true,
                          [this](auto bytes, std::uint64_t& offset, auto active) {
                            return writer_.write(bytes, offset, std::move(active));
                          })
        .catch_([](kj::Exception&& exception) -> bool {
          // The run has no log yet, or it was resolved without one.
          if (error_from(exception).code == Errc::not_found) return false;
          kj::throwFatalException(kj::mv(exception));
        });
  }

  kj::Promise<TaskEnd> look_at_status() {
    return task_.status().then([this](Status&& answer) -> kj::Promise<TaskEnd> {
      const auto status = answer.getStatus();
      const auto runs = status.getRuns();
      if (runs.size() > place_.run_id + 1) return next_run();
      if (is_resolved(status.getState())) return end_of(status);
      return look_again();
    });
  }

  // After a read that did not reach the run's end: until something has happened to the run.
  kj::Promise<TaskEnd> look_again() {
    return task_.status().then([this](Status&& answer) -> kj::Promise<TaskEnd> {
      const auto status = answer.getStatus();
      if (is_waiting(status)) return wait_for_event();
      const auto run = status.getRuns()[place_.run_id];
      // A run that never began has no log: what ended it is all there is to know.
      if (is_resolved(run.getState()) && place_.offset == 0 && ++empty_reads_ > 1) {
        if (status.getRuns().size() > place_.run_id + 1) return next_run();
        if (is_resolved(status.getState())) return end_of(status);
      }
      return server_.timer().afterDelay(look_again_delay).then([this] { return follow(); });
    });
  }

  // Whether the run that is followed has not begun.
  bool is_waiting(schema::TaskStatus::Reader status) const {
    const auto runs = status.getRuns();
    return runs.size() <= place_.run_id ||
           runs[place_.run_id].getState() == schema::TaskState::PENDING;
  }

  // A task may wait long, for others or for a worker.
  kj::Promise<TaskEnd> wait_for_event() {
    return task_.next_event(event_wait_seconds).then([this] { return follow_started(); });
  }

  kj::Promise<TaskEnd> follow_started() {
    return task_.status().then([this](Status&& answer) -> kj::Promise<TaskEnd> {
      return is_waiting(answer.getStatus()) ? wait_for_event() : follow();
    });
  }

  kj::Promise<TaskEnd> next_run() {
    ++place_.run_id;
    place_.offset = 0;
    empty_reads_ = 0;
    return follow();
  }

  static TaskEnd end_of(schema::TaskStatus::Reader status) {
    TaskEnd end;
    end.state = status.getState();
    const auto runs = status.getRuns();
    if (runs.size() > 0) end.reason = runs[runs.size() - 1].getReasonResolved();
    end.status_json = to_json(status);
    return end;
  }

  Reconnector& server_;
  TaskObserver task_;
  LogPlace& place_;
  LogWriter& writer_;
  int empty_reads_ = 0;
};

}  // namespace

kj::Promise<void> LogWriter::write(kj::ArrayPtr<const kj::byte> bytes,
                                   std::uint64_t& offset,
                                   std::shared_ptr<const bool> active) {
  while (bytes.size() > 0 && *active) {
    pollfd descriptor{descriptor_, POLLOUT, 0};
    if (::poll(&descriptor, 1, 0) == 0) {
      return timer_.afterDelay(full_pipe_delay)
          .then([this, bytes, &offset, active = std::move(active)]() mutable {
            return write(bytes, offset, std::move(active));
          });
    }
    const ssize_t taken =
        ::write(descriptor_, bytes.begin(), std::min(bytes.size(), write_bytes_max));
    if (taken < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (taken < 0 && errno == EPIPE) _exit(exit_closed_pipe);
    KJ_REQUIRE(taken >= 0, "cannot write the log");
    bytes = bytes.slice(static_cast<std::size_t>(taken), bytes.size());
    offset += static_cast<std::uint64_t>(taken);
  }
  return kj::READY_NOW;
}

kj::Promise<TaskEnd> follow_task(Reconnector& server, LogPlace& place, LogWriter& writer) {
  auto follower = kj::heap<Follower>(server, place, writer);
  auto promise = follower->follow();
  return promise.attach(kj::mv(follower));
}

}  // namespace troupe::cli
