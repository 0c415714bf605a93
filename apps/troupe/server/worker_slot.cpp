#include "apps/troupe/server/worker_slot.h"

#include <fmt/format.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
// glibc 2.36 declares these without C linkage.
extern "C" {}
#include "apps/troupe/server/files.h"
#include "apps/troupe/server/pidfd.h"
#include "runtime/clock/clock.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace troupe::server {
namespace {

// So many quick ends in a row are reported as a crash loop; the starts go on.
constexpr std::uint32_t crash_loop_ends = 5;

// A log beyond this is set aside at the next start, over the one set aside before.
constexpr std::uintmax_t log_bytes_max = 16 << 20;

// The log, opened for appending; invalid if that fails: the worker then logs nowhere.
kj::AutoCloseFd open_log(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (!error && size > log_bytes_max) fs::rename(path, path + ".1", error);
  return kj::AutoCloseFd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

std::string end_text(const std::optional<ExitStatus>& status) {
  if (!status) return "unknown";
  if (status->signal != 0) return fmt::format("signal {}", status->signal);
  return fmt::format("exit {}", status->code);
}

}  // namespace

ProcessWatch::ProcessWatch(kj::UnixEventPort& port, int pidfd, ProcessIdentity process)
    : pidfd_(pidfd),
      process_(process),
      observer_(port, pidfd, kj::UnixEventPort::FdObserver::OBSERVE_READ) {}

std::unique_ptr<ProcessWatch> ProcessWatch::adopt(kj::UnixEventPort& port,
                                                  const ProcessIdentity& process) {
  const int pidfd = open_pidfd(process.pid);
  if (pidfd < 0) return nullptr;
  std::unique_ptr<ProcessWatch> made(new ProcessWatch(port, pidfd, process));
  // Asked after the open: from here on the descriptor stands for this very process.
  if (!is_alive(process)) return nullptr;
  return made;
}

std::unique_ptr<ProcessWatch> ProcessWatch::of_child(kj::UnixEventPort& port,
                                                     const ProcessIdentity& process) {
  const int pidfd = open_pidfd(process.pid);
  if (pidfd < 0) {
    throw exception_from({Errc::unavailable, reason("watch a local worker", errno)});
  }
  return std::unique_ptr<ProcessWatch>(new ProcessWatch(port, pidfd, process));
}

kj::Promise<void> ProcessWatch::on_end() {
  // Only a change wakes the observer: one that came before must be seen here.
  if (!is_alive(process_)) return kj::READY_NOW;
  return observer_.whenBecomesReadable();
}

void ProcessWatch::send(int signal_number) {
  // Fails only if the process has ended, which is what is wanted.
  static_cast<void>(signal_pidfd(pidfd_.get(), signal_number));
}

WorkerSlot::WorkerSlot(kj::UnixEventPort& port,
                       kj::Timer& timer,
                       const LocalWorkersOptions& options,
                       std::uint32_t index)
    : port_(port),
      timer_(timer),
      options_(options),
      index_(index),
      dir_(fmt::format("{}/workers/{}", options.data_dir, index)) {
  adopt();
}

bool WorkerSlot::lives() const {
  return watch_ != nullptr && is_alive(watch_->process());
}

void WorkerSlot::keep() {
  if (lives()) {
    log_event(LogLevel::info, "local_worker_adopted", {{"worker", index_}, {"pid", process().pid}});
  }
  doing_ = next_life().eagerlyEvaluate(nullptr);
}

kj::Promise<void> WorkerSlot::stop() {
  doing_ = nullptr;
  if (!lives()) {
    if (watch_ != nullptr && is_child_) try_reap(process().pid);
    watch_ = nullptr;
    return kj::READY_NOW;
  }
  watch_->send(SIGTERM);
  auto kill = timer_.afterDelay(options_.grace.count() * kj::MILLISECONDS).then([this] {
    log_event(LogLevel::warning, "local_worker_killed",
              {{"worker", index_}, {"pid", process().pid}});
    watch_->send(SIGKILL);
    return kj::Promise<void>(kj::NEVER_DONE);
  });
  return watch_->on_end().exclusiveJoin(kj::mv(kill)).then([this] {
    if (is_child_) try_reap(process().pid);
    log_event(LogLevel::info, "local_worker_stopped", {{"worker", index_}});
    watch_ = nullptr;
  });
}

void WorkerSlot::stop_in_background() {
  doing_ = stop().eagerlyEvaluate(nullptr);
}

bool WorkerSlot::adopt() {
  const auto living = options_.find_living(dir_);
  if (living) watch_ = ProcessWatch::adopt(port_, *living);
  is_child_ = false;
  begun_ = elapsed_now();
  return watch_ != nullptr;
}

kj::Promise<void> WorkerSlot::fill() {
  // Looked for at each start: one that was just being born when its server was killed shows up now.
  if (lives() || adopt()) return kj::READY_NOW;
  for (const std::string& dir : {options_.data_dir + "/workers", dir_}) {
    const auto made = make_private_dir(dir);
    if (!made) return exception_from(made.error());
  }
  return options_.prepare(dir_).then([this] { spawn_worker(); });
}

void WorkerSlot::spawn_worker() {
  const kj::AutoCloseFd log = open_log(dir_ + "/worker.log");
  const auto child = spawn({.arguments = options_.command(index_, dir_),
                            .environment = options_.environment,
                            .working_dir = dir_,
                            .stdin_fd = -1,
                            .stdout_fd = log.get(),
                            .stderr_fd = log.get()});
  if (!child) throw exception_from(child.error());
  watch_ = ProcessWatch::of_child(port_, child.value());
  is_child_ = true;
  begun_ = elapsed_now();
  log_event(LogLevel::info, "local_worker_started",
            {{"worker", index_}, {"pid", child.value().pid}});
}

kj::Promise<void> WorkerSlot::next_life() {
  return fill()
      .then([this] { return watch_->on_end(); })
      .then([this] { ended(); },
            [this](kj::Exception&& failure) {
              ++quick_ends_;
              log_event(LogLevel::error, "local_worker_not_started",
                        {{"worker", index_},
                         {"error", error_from(failure).detail},
                         {"again_in_ms", pause()}});
            })
      .then([this] { return timer_.afterDelay(pause().count() * kj::MILLISECONDS); })
      .then([this] { return next_life(); });
}

void WorkerSlot::ended() {
  const auto status = is_child_ ? try_reap(process().pid) : std::nullopt;
  const Duration lived = elapsed_now() - begun_;
  if (lived >= options_.pause_max) quick_ends_ = 0;
  ++quick_ends_;
  log_event(LogLevel::warning, "local_worker_ended",
            {{"worker", index_},
             {"pid", process().pid},
             {"status", end_text(status)},
             {"lived_ms", lived},
             {"again_in_ms", pause()}});
  if (quick_ends_ == crash_loop_ends) {
    log_event(LogLevel::error, "local_worker_crash_loop",
              {{"worker", index_}, {"ends", quick_ends_}, {"log", dir_ + "/worker.log"}});
  }
  watch_ = nullptr;
}

Duration WorkerSlot::pause() const {
  // Beyond ten doublings every pause is the longest anyway.
  const std::uint32_t doublings =
      std::min<std::uint32_t>(quick_ends_ > 0 ? quick_ends_ - 1 : 0, 10);
  return std::min(options_.pause_min * (1 << doublings), options_.pause_max);
}

}  // namespace troupe::server
