// KJ event loops in threads of their own, and the way connections get to them.
//
//   accepting loop --accept_into--> thread 0: loop, service
//                        |--------> thread 1: loop, service
//
// A loop's objects never leave its thread. What crosses is a file descriptor, or a function.
#pragma once

#include "runtime/base/time.h"
#include "runtime/http/request_stream.h"

#include <kj/async-io.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace troupe::http {

/// What one thread runs. Made, used and destroyed there.
class LoopService {
 public:
  virtual ~LoopService() noexcept(false) = default;

  /// Serves a connection until it ends, or *this does.
  virtual void take(kj::Own<kj::AsyncIoStream> connection, Peer peer) = 0;

  /// Ends a connection that waits for its peer; false if none does.
  virtual bool make_room() = 0;

  /// Lets what is under way end. Once; nothing is taken afterwards.
  virtual kj::Promise<void> drain() = 0;
};

/// Called on each thread; `io` outlives the service.
using MakeLoopService =
    std::function<std::unique_ptr<LoopService>(kj::AsyncIoContext& io, std::size_t index)>;

/// Thread safety: `run_everywhere` and the counts from any thread; the rest from the one that has
/// it, which has a KJ event loop.
class IoThreads {
 public:
  /// Starts so many threads and returns when each has its service. What `make` throws is thrown
  /// here, after all have ended. Requires: `count` > 0.
  static std::unique_ptr<IoThreads> start(std::size_t count, const MakeLoopService& make);

  /// Ends what `drain` has not, at once, and joins the threads.
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  /// Gives a connection of this loop to the next thread in turn. One without a descriptor is
  /// dropped.
  void hand_over(kj::Own<kj::AsyncIoStream> connection);

  /// The same once there are less than `connections_max`, or another that waits for its peer has
  /// been ended for it: of the thread that is next in turn, else of those after it. While all have
  /// a request under way it waits.
  kj::Promise<void> admit(kj::Own<kj::AsyncIoStream> connection,
                          kj::Timer& timer,
                          std::size_t connections_max);

  /// Runs `work` on every thread, with its service.
  void run_everywhere(const std::function<void(LoopService&)>& work);

  /// Lets all services drain, each for `grace` at most; resolves when every thread has ended. Once.
  kj::Promise<void> drain(Duration grace);

  /// Connections that were handed over and are still open.
  std::size_t connections() const { return *open_; }

  /// How many were ended so far to make room for others.
  std::size_t ended() const { return ended_; }

 private:
  class Thread;

  IoThreads() = default;

  kj::Promise<bool> make_room(std::size_t tried);
  void report_crowd(kj::TimePoint now);

  const std::shared_ptr<std::atomic<std::size_t>> open_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::vector<std::unique_ptr<Thread>> threads_;
  std::size_t next_ = 0;
  std::atomic<std::size_t> ended_ = 0;
  kj::TimePoint next_report_ = kj::origin<kj::TimePoint>();
};

/// Accepts connections for the threads as long as the promise is held; it never resolves. With
/// `connections_max` open, one that waits for its peer gives way to each newcomer; while there is
/// none, further ones wait. An accept that fails (no descriptors left) is tried again. Borrows all.
kj::Promise<void> accept_into(IoThreads& threads,
                              kj::ConnectionReceiver& port,
                              kj::Timer& timer,
                              std::size_t connections_max);

}  // namespace troupe::http
