// A worker that is pushed claims over RPC and runs nothing.
#pragma once

#include "apps/troupe/client/client.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::bench {

/// What it takes to report a run.
struct HeldRun {
  std::string task;
  std::uint32_t run = 0;
  std::uint64_t token = 0;
};

class ClaimStream {
 public:
  /// Hears of each claim as it comes.
  using Listener = std::function<void(HeldRun)>;

  /// Most tasks that a worker may take.
  static constexpr std::size_t window_max = 200;

  /// Registers a worker. `connection` is borrowed.
  static kj::Promise<std::unique_ptr<ClaimStream>> open(client::Connection& connection,
                                                        const std::string& queue,
                                                        const std::string& worker,
                                                        Listener listener);

  ~ClaimStream();
  ClaimStream(const ClaimStream&) = delete;
  ClaimStream& operator=(const ClaimStream&) = delete;

  /// How many more claims may come; see `Registration.setWindow`.
  kj::Promise<void> set_window(std::size_t slots);

  /// Waits until so many have come, of which the listener has heard.
  kj::Promise<void> take(std::size_t count);

  /// Reports runs as completed in one call.
  kj::Promise<void> resolve(const std::vector<HeldRun>& runs);

 private:
  class Sink;

  explicit ClaimStream(Listener listener);
  void on_claim(HeldRun run);

  const Listener listener_;
  const std::shared_ptr<ClaimStream*> self_;  // empty once this is gone: the server has our sink
  schema::Registration::Client registration_ = nullptr;
  std::size_t expected_ = 0;  // claims until `taken_` is fulfilled
  kj::Own<kj::PromiseFulfiller<void>> taken_;
  kj::Promise<void> answered_ = kj::READY_NOW;
};

}  // namespace troupe::bench
