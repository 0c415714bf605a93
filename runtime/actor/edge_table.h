// Who waits outside the actors: edges, which take replies, and watchers of the event log.
//
// Threads: any.
#pragma once

#include "runtime/actor/host.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace troupe {

class EdgeTable {
 public:
  std::uint32_t add(ReplySink& sink);
  void remove(std::uint32_t edge);

  /// Hands each edge its replies, in order; those of edges that are gone are dropped.
  void release(std::vector<Reply> replies);

 private:
  std::mutex mutex_;
  std::uint32_t last_ = 0;
  std::map<std::uint32_t, ReplySink*> edges_;
};

class EventWatchers {
 public:
  std::uint64_t add(std::function<void()> notify);
  void remove(std::uint64_t watch);
  void notify();

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::function<void()>> watchers_;
};

}  // namespace troupe
