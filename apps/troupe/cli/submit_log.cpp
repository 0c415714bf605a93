#include "apps/troupe/cli/submit_log.h"

#include "apps/troupe/cli/command.h"
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

class LogSink final : public schema::ByteStream::Server {
 public:
  LogSink(LogWriter& writer, LogProgress& progress, std::shared_ptr<bool> active)
      : writer_(writer), progress_(progress), active_(std::move(active)) {}

 protected:
  kj::Promise<void> write(WriteContext context) override {
    // A connection that was given up may still deliver; the next one sends these bytes again.
    const auto bytes = context.getParams().getBytes();
    auto done = writer_.write(bytes, progress_.offset, active_);
    return done.attach(kj::mv(context));
  }

  kj::Promise<void> end(EndContext) override { return kj::READY_NOW; }

 private:
  LogWriter& writer_;
  LogProgress& progress_;
  const std::shared_ptr<bool> active_;
};

class Follower {
 public:
  Follower(Reconnector& server, std::string task_id, LogWriter& writer, LogProgress& progress)
      : server_(server), task_id_(std::move(task_id)), writer_(writer), progress_(progress) {}

  kj::Promise<TaskEnd> follow() {
    return read_run().then([this](bool finished) -> kj::Promise<TaskEnd> {
      if (!finished) return look_again();
      return look_at_status();
    });
  }

 private:
  using Status = capnp::Response<schema::Queue::StatusResults>;

  // Whether the run has ended and its log was written to the end.
  kj::Promise<bool> read_run() {
    return server_.call([this](client::Connection& connection) -> kj::Promise<bool> {
      auto active = std::make_shared<bool>(true);
      auto request = connection.troupe().readLogRequest();
      request.setTaskId(task_id_);
      request.setRunId(progress_.run);
      request.setOffset(progress_.offset);
      request.setFollow(true);
      request.setSink(kj::heap<LogSink>(writer_, progress_, active));
      return request.send()
          .then(
              [this](capnp::Response<schema::Troupe::ReadLogResults>&& answer) {
                return answer.getFinished() && progress_.offset >= answer.getSize();
              },
              [](kj::Exception&& exception) -> bool {
                // The run has no log yet, or it was resolved without one.
                if (error_from(exception).code == Errc::not_found) return false;
                kj::throwFatalException(kj::mv(exception));
              })
          .attach(kj::defer([active] { *active = false; }));
    });
  }

  kj::Promise<Status> status() {
    return server_.call([this](client::Connection& connection) {
      auto request = connection.queue().statusRequest();
      request.setTaskId(task_id_);
      return kj::Promise<Status>(request.send());
    });
  }

  kj::Promise<TaskEnd> look_at_status() {
    return status().then([this](Status&& answer) -> kj::Promise<TaskEnd> {
      const auto status = answer.getStatus();
      const auto runs = status.getRuns();
      if (runs.size() > progress_.run + 1) return next_run();
      if (is_resolved(status.getState())) return end_of(status);
      return look_again();
    });
  }

  // After a read that did not reach the run's end: until something has happened to the run.
  kj::Promise<TaskEnd> look_again() {
    return status().then([this](Status&& answer) -> kj::Promise<TaskEnd> {
      const auto status = answer.getStatus();
      if (is_waiting(status)) return wait_for_event();
      const auto run = status.getRuns()[progress_.run];
      // A run that never began has no log: what ended it is all there is to know.
      if (is_resolved(run.getState()) && progress_.offset == 0 && ++empty_reads_ > 1) {
        if (status.getRuns().size() > progress_.run + 1) return next_run();
        if (is_resolved(status.getState())) return end_of(status);
      }
      return server_.timer().afterDelay(look_again_delay).then([this] { return follow(); });
    });
  }

  // Whether the run that is followed has not begun.
  bool is_waiting(schema::TaskStatus::Reader status) const {
    const auto runs = status.getRuns();
    return runs.size() <= progress_.run ||
           runs[progress_.run].getState() == schema::TaskState::PENDING;
  }

  // A task may wait long, for others or for a worker.
  kj::Promise<TaskEnd> wait_for_event() {
    return server_
        .call([this](client::Connection& connection) {
          auto request = connection.troupe().eventsRequest();
          request.setAfter(position_.empty() ? "now" : position_);
          request.setLimit(1);
          request.setRoutingKey("primary." + task_id_ + ".#");
          // The first call only learns the position: what came before the status was read is in it.
          request.setWait(position_.empty() ? 0 : event_wait_seconds);
          return request.send().then(
              [this](capnp::Response<schema::Troupe::EventsResults>&& answer) {
                position_ = answer.getNext().cStr();
              },
              [this](kj::Exception&& exception) {
                if (error_from(exception).code != Errc::expired) {
                  kj::throwFatalException(kj::mv(exception));
                }
                position_.clear();
              });
        })
        .then([this] { return follow_started(); });
  }

  kj::Promise<TaskEnd> follow_started() {
    return status().then([this](Status&& answer) -> kj::Promise<TaskEnd> {
      return is_waiting(answer.getStatus()) ? wait_for_event() : follow();
    });
  }

  kj::Promise<TaskEnd> next_run() {
    ++progress_.run;
    progress_.offset = 0;
    empty_reads_ = 0;
    return follow();
  }

  static bool is_resolved(schema::TaskState state) {
    return state == schema::TaskState::COMPLETED || state == schema::TaskState::FAILED ||
           state == schema::TaskState::EXCEPTION;
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
  const std::string task_id_;
  LogWriter& writer_;
  LogProgress& progress_;
  int empty_reads_ = 0;
  std::string position_;  // in the event log; empty before the first look
};

}  // namespace

kj::Promise<void> LogWriter::write(kj::ArrayPtr<const kj::byte> bytes,
                                   std::uint64_t& written,
                                   std::shared_ptr<const bool> active) {
  while (bytes.size() > 0 && *active) {
    pollfd descriptor{descriptor_, POLLOUT, 0};
    if (::poll(&descriptor, 1, 0) == 0) {
      return timer_.afterDelay(full_pipe_delay)
          .then([this, bytes, &written, active = std::move(active)]() mutable {
            return write(bytes, written, std::move(active));
          });
    }
    const ssize_t taken =
        ::write(descriptor_, bytes.begin(), std::min(bytes.size(), write_bytes_max));
    if (taken < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (taken < 0 && errno == EPIPE) _exit(exit_closed_pipe);
    KJ_REQUIRE(taken >= 0, "cannot write the log");
    bytes = bytes.slice(static_cast<std::size_t>(taken), bytes.size());
    written += static_cast<std::uint64_t>(taken);
  }
  return kj::READY_NOW;
}

kj::Promise<TaskEnd> follow_task(Reconnector& server,
                                 const std::string& task_id,
                                 LogWriter& writer,
                                 LogProgress& progress) {
  auto follower = kj::heap<Follower>(server, task_id, writer, progress);
  auto promise = follower->follow();
  return promise.attach(kj::mv(follower));
}

}  // namespace troupe::cli
