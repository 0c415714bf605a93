// The bridge between an I/O thread and the actors: commands go in, replies come back in batches,
// one wake-up for all that are ready.
//
//   KJ loop --ask--> host --> actor --> committer --take (its thread)--> queue --wake--> KJ loop
//
// One edge for each KJ event loop; everything but `take` and `post` runs on that loop's thread.
#pragma once

#include "runtime/actor/host.h"

#include <kj/async.h>

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace troupe {

class Edge final : public ReplySink {
 public:
  /// Borrows `host`. Commands asked of it are answered while `run`'s promise is held.
  explicit Edge(Host& host);
  ~Edge() noexcept override;

  /// Sends a command; resolves when what the answer says is on disk.
  kj::Promise<Result<Bytes>> ask(ActorId to, Bytes command, Admission admission = Admission::work);

  /// A command whose answers come again and again. Each is given to `on_answer`, until one says
  /// that it is the last or the subscription is dropped.
  class Subscription {
   public:
    ~Subscription();
    Subscription(Edge& edge, std::uint64_t call) : edge_(edge), call_(call) {}
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

   private:
    Edge& edge_;
    std::uint64_t call_;
  };
  using OnAnswer = std::function<void(Result<Bytes> answer, bool more)>;
  [[nodiscard]] std::unique_ptr<Subscription> subscribe(ActorId to,
                                                        Bytes command,
                                                        OnAnswer on_answer);

  /// Resolves when an event behind `seen` is on disk, in any shard.
  kj::Promise<void> wait_for_event(EventPosition seen);

  /// Runs `work` on the loop's thread. From any thread.
  void post(std::function<void()> work);

  /// Hands out what arrives; never resolves. Hold it as long as the edge is used.
  kj::Promise<void> run();

  void take(std::vector<Reply> replies) override;

 private:
  void deliver(Reply reply);
  void drain();

  Host& host_;
  std::uint32_t id_;
  std::uint64_t watch_;

  // Owned by the loop's thread.
  std::uint64_t next_call_ = 1;
  std::unordered_map<std::uint64_t, OnAnswer> calls_;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> event_waiters_;

  std::mutex mutex_;  // guards all below
  std::vector<Reply> replies_;
  std::vector<std::function<void()>> work_;
  bool events_published_ = false;
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> wake_;  // null while the loop is awake
};

}  // namespace troupe
