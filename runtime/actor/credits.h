// Admission by credit (invariant 8): each root message takes one, and it is given back when all
// that it set going is on disk. Without one nothing new is let in, and nothing inside is dropped.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace troupe {

/// Held by a message, its effects and the messages that it sends; the last one gives it back.
using Credit = std::shared_ptr<const void>;

class Credits {
 public:
  /// Outlives its credits.
  explicit Credits(std::size_t limit) : limit_(limit) {}
  Credits(const Credits&) = delete;
  Credits& operator=(const Credits&) = delete;

  /// None if all are taken.
  Credit try_take() {
    if (in_use_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
      give_back();
      return nullptr;
    }
    return make();
  }

  /// Over the limit if need be: for what was let in before (recovery) and must not be refused.
  Credit take() {
    in_use_.fetch_add(1, std::memory_order_relaxed);
    return make();
  }

  /// Called when one is given back and all were taken; from any thread. Set it while nothing moves.
  void on_freed(std::function<void()> freed) { freed_ = std::move(freed); }

  bool any_left() const { return in_use() < limit_; }
  std::size_t in_use() const { return in_use_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_; }

 private:
  Credit make() {
    return {static_cast<const void*>(this), [this](const void*) { give_back(); }};
  }
  void give_back() {
    if (in_use_.fetch_sub(1, std::memory_order_relaxed) == limit_ && freed_) freed_();
  }

  const std::size_t limit_;
  std::atomic<std::size_t> in_use_{0};
  std::function<void()> freed_;
};

}  // namespace troupe
