#include "apps/troupe/worker/worker.h"

#include "apps/troupe/worker/cache_pool.h"
#include "apps/troupe/worker/dialer.h"
#include "apps/troupe/worker/download_cache.h"
#include "apps/troupe/worker/session.h"
#include "apps/troupe/worker/work_dir.h"
#include "runtime/process/log.h"
#include "runtime/process/signals.h"

#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/async-unix.h>

#include <clocale>

namespace troupe::worker {
namespace {

constexpr std::uint32_t capacity_max = 200;
constexpr int status_failed = 1;
constexpr int status_wrong = 2;

constexpr std::size_t pool_threads = 4;

// Events in a row before the loop looks for input again: no stream keeps the others waiting.
constexpr unsigned poll_interval = 64;

Status check(const WorkerOptions& options) {
  if (options.pool.find('/') == std::string::npos) {
    return Error{Errc::invalid, "the pool `" + options.pool + "` must look like local/default"};
  }
  if (options.worker_group.empty() || options.worker_id.empty()) {
    return Error{Errc::invalid, "a worker group and a worker id are needed"};
  }
  if (options.capacity < 1 || options.capacity > capacity_max) {
    return Error{Errc::invalid,
                 fmt::format("capacity {} must be from 1 to {}", options.capacity, capacity_max)};
  }
  if (options.work_dir.empty()) return Error{Errc::invalid, "a work directory is needed"};
  return Done{};
}

int refuse(const Error& error, int status) {
  log_event(LogLevel::error, "worker_not_started",
            {{"code", to_string(error.code)}, {"error", error.detail}});
  return status;
}

int serve(WorkerOptions& options, WorkDir& work_dir) {
  auto io = kj::setupAsyncIo();
  io.waitScope.setBusyPollInterval(poll_interval);
  Dialer dialer(*io.provider, options);
  if (const auto targets = dialer.targets(); !targets.ok()) {
    return refuse(targets.error(), status_wrong);
  }
  const SystemClock clock;
  DownloadCache downloads(work_dir.downloads(), options.download_cache_bytes_max);
  CachePool caches(work_dir.caches(), options.capacity);
  ThreadPool pool(pool_threads);
  Workshop shop{.options = options,
                .clock = clock,
                .timer = io.provider->getTimer(),
                .io = *io.lowLevelProvider,
                .port = io.unixEventPort,
                .work_dir = work_dir,
                .downloads = downloads,
                .caches = caches,
                .pool = pool};
  Session session(shop, [&dialer] { return dialer.dial(); });
  log_event(LogLevel::info, "worker_started",
            {{"pool", options.pool},
             {"worker_group", options.worker_group},
             {"worker_id", options.worker_id},
             {"capacity", options.capacity},
             {"work_dir", work_dir.path()}});
  auto signalled = on_stop_signal(io.unixEventPort)
                       .then([&session](int) { session.stop(); })
                       .eagerlyEvaluate(nullptr);
  return session.run().wait(io.waitScope);
}

}  // namespace

int run_worker(const WorkerOptions& given) {
  // Before any thread: threads inherit the mask, so that signals reach the loop only.
  capture_signals();
  kj::UnixEventPort::captureChildExit();
  // The names of files in archives are UTF-8 whatever our caller's locale is.
  std::setlocale(LC_CTYPE, "C.UTF-8");

  WorkerOptions options = given;
  const auto checked = check(options);
  if (!checked.ok()) return refuse(checked.error(), status_wrong);
  auto work_dir = WorkDir::open(options.work_dir);
  if (!work_dir.ok()) return refuse(work_dir.error(), status_failed);
  const int status = serve(options, work_dir.value());
  // What was cut short by the time limit left its files.
  const auto cleared = work_dir.value().clear_tasks();
  if (!cleared.ok()) {
    log_event(LogLevel::warning, "task_folders_left", {{"error", cleared.error().detail}});
  }
  log_event(LogLevel::info, "worker_stopped", {{"status", status}});
  return status;
}

}  // namespace troupe::worker
