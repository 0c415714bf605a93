// `troupe down`: ends the server of a data directory by its lock, and the workers that a killed
// server left behind.
#include <fmt/format.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
// glibc 2.36 declares these without C linkage.
extern "C" {}
#include "apps/troupe/server/data_dir.h"
#include "apps/troupe/server/files.h"
#include "apps/troupe/server/local_workers.h"
#include "apps/troupe/server/pidfd.h"
#include "apps/troupe/server/up.h"
#include "runtime/clock/clock.h"

#include <kj/async-io.h>

#include <unistd.h>

#include <utility>

namespace troupe::server {
namespace {

// A server ends within 5 seconds; beyond this it hangs.
constexpr Duration end_wait_max = std::chrono::seconds{10};

// Whether the descriptor's process has ended before `end_wait_max`.
bool wait_for_end(int pidfd) {
  const Duration deadline = elapsed_now() + end_wait_max;
  for (Duration now = elapsed_now(); now < deadline; now = elapsed_now()) {
    pollfd waiting{.fd = pidfd, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>((deadline - now).count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

Status stop_server(const ProcessIdentity& server) {
  kj::AutoCloseFd pidfd(open_pidfd(server.pid));
  // Ended meanwhile, or the number is another's: nothing is left to stop.
  if (pidfd == nullptr || !is_alive(server)) return Done{};
  if (signal_pidfd(pidfd.get(), SIGTERM) != 0 && errno != ESRCH) {
    const Errc code = errno == EPERM ? Errc::forbidden : Errc::unavailable;
    return Error{code, reason(fmt::format("stop process {}", server.pid), errno)};
  }
  if (wait_for_end(pidfd.get())) return Done{};
  return Error{Errc::unavailable,
               fmt::format("process {} has not ended after {} s: look at its log, or end it with "
                           "`kill -9 {}`, which loses nothing that was acknowledged",
                           server.pid, end_wait_max / std::chrono::seconds{1}, server.pid)};
}

std::size_t stop_left_workers(const std::string& data_dir) {
  auto io = kj::setupAsyncIo();
  LocalWorkers workers(io.unixEventPort, io.provider->getTimer(),
                       {.data_dir = data_dir,
                        .count = 0,
                        .command = {},
                        .environment = {},
                        .find_living = find_living_worker,
                        .prepare = {}});
  const std::size_t count = workers.living().size();
  workers.stop().wait(io.waitScope);
  return count;
}

}  // namespace

Result<Stopped> run_down(const std::string& data_dir) {
  auto holder = holder_of(data_dir);
  if (!holder && holder.error().code == Errc::not_found) {
    return Error{
        Errc::not_found,
        fmt::format("{} is no data directory, nothing runs there: name it with --data", data_dir)};
  }
  if (!holder) return std::move(holder).error();
  Stopped stopped;
  if (holder.value()) {
    auto ended = stop_server(*holder.value());
    if (!ended) return std::move(ended).error();
    stopped.server = holder.value()->pid;
  }
  stopped.workers = stop_left_workers(data_dir);
  return stopped;
}

}  // namespace troupe::server
