// Threads for what blocks: fsync, rename, hashing. Event loops hand such work over and go on.
#pragma once

#include <kj/async.h>
#include <kj/exception.h>
#include <kj/function.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe {

/// A fixed number of threads over one first-in-first-out queue.
///
/// Thread safety: `post` may be called from any thread. The destructor runs what is queued, then
/// joins: a caller that was promised a sync gets it.
class ThreadPool {
 public:
  /// More waiting jobs than this are refused, so that a stuck disk cannot fill the memory.
  static constexpr std::size_t jobs_max = 65'536;

  /// Requires threads > 0.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Queues a job; false if the queue is full or the pool is ending. The job must not throw.
  [[nodiscard]] bool post(kj::Function<void()> job);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable ready_;

  // Under mutex_.
  std::deque<kj::Function<void()>> jobs_;
  bool ending_ = false;

  // Constant after construction.
  std::vector<std::thread> threads_;
};

/// Runs `func` on a thread of the pool; the promise settles on the caller's event loop.
///
/// What `func` throws rejects the promise (a std::exception as a kj::Exception with its text); a
/// full queue rejects it as OVERLOADED. Dropping the promise does not stop `func`, so it must own
/// what it touches. Thread: one with a KJ event loop. As with every promise of KJ, drop it before
/// its loop; the pool may outlive both.
template <class Func>
kj::Promise<std::invoke_result_t<Func&>> offload(ThreadPool& pool, Func func) {
  using T = std::invoke_result_t<Func&>;
  auto pair = kj::newPromiseAndCrossThreadFulfiller<T>();
  auto job = [func = std::move(func), fulfiller = kj::mv(pair.fulfiller)]() mutable {
    auto failure = kj::runCatchingExceptions([&func, &fulfiller] {
      if constexpr (std::is_void_v<T>) {
        func();
        fulfiller->fulfill();
      } else {
        fulfiller->fulfill(func());
      }
    });
    KJ_IF_MAYBE (exception, failure) {
      fulfiller->reject(kj::mv(*exception));
    }
  };
  if (!pool.post(kj::mv(job))) {
    return kj::Exception(kj::Exception::Type::OVERLOADED, __FILE__, __LINE__,
                         kj::heapString("too much work waits for the disk; try again later"));
  }
  return kj::mv(pair.promise);
}

}  // namespace troupe
