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

  /// Keeps replies until `release`: an edge is woken once for all replies of a batch, not once for
  /// each. Those of edges that are gone are dropped.
  void gather(std::vector<Reply> replies);

  /// Hands each edge what was gathered for it, in order.
  void release();

 private:
  struct Edge {
    ReplySink* sink = nullptr;
    std::vector<Reply> gathered;
  };

  std::mutex mutex_;
  std::uint32_t last_ = 0;
  std::map<std::uint32_t, Edge> edges_;
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
