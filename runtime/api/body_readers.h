// Threads for large bodies: while one is read there, the loop that it came to answers others.
#pragma once

#include "runtime/base/result.h"
#include "runtime/process/thread_pool.h"
#include "runtime/rpc/errors.h"

#include <kj/async.h>
#include <kj/common.h>

#include <atomic>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace troupe::api {

/// Shared by all loops. What is run here must own what it touches, or borrow it from what outlives
/// *this: dropping the promise does not stop it.
///
/// Thread safety: any thread with a KJ event loop.
class BodyReaders {
 public:
  /// From here on a body is large: reading it takes longer than the way to another thread and back.
  static constexpr std::size_t bytes_min = std::size_t{64} << 10;
  static constexpr std::size_t default_threads = 2;
  /// What all bodies together may take (see runtime/http/request_body.h) bounds the time, too.
  static constexpr std::size_t default_bodies_max = 256;

  explicit BodyReaders(std::size_t threads = default_threads,
                       std::size_t bodies_max = default_bodies_max)
      : bodies_max_(bodies_max), pool_(threads) {}

  /// Reads a body. Fails with `busy` if so many wait or are being read.
  template <class Func>
  kj::Promise<std::invoke_result_t<Func&>> read(Func func) {
    if (bodies_.fetch_add(1) >= bodies_max_) {
      bodies_ -= 1;
      return exception_from({Errc::busy, "too many large bodies are being read: try again later"});
    }
    auto place = kj::defer([&bodies = bodies_] { bodies -= 1; });
    return offload(pool_,
                   [func = std::move(func), place = kj::mv(place)]() mutable { return func(); });
  }

  /// Work on a body that has been read, which is never refused: there is not more of it than
  /// requests under way.
  template <class Func>
  kj::Promise<std::invoke_result_t<Func&>> follow_up(Func func) {
    return offload(pool_, std::move(func));
  }

 private:
  const std::size_t bodies_max_;
  std::atomic<std::size_t> bodies_ = 0;  // in `read`
  ThreadPool pool_;                      // ends first
};

}  // namespace troupe::api
