#include "runtime/process/thread_pool.h"

#include "runtime/base/assert.h"

namespace troupe {

ThreadPool::ThreadPool(std::size_t threads) {
  TROUPE_EXPECTS(threads > 0);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ready_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool ThreadPool::post(kj::Function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_ || jobs_.size() >= jobs_max) return false;
    jobs_.push_back(kj::mv(job));
  }
  ready_.notify_one();
  return true;
}

void ThreadPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = kj::mv(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    {
      // Destroyed here, outside the lock: a job may own a file or the last reference to a store.
      auto running = kj::mv(job);
      running();
    }
    lock.lock();
  }
}

}  // namespace troupe
