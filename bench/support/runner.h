// A worker that completes whatever it is given as soon as it has it.
#pragma once

#include "bench/support/claim_stream.h"

#include <cstddef>
#include <memory>
#include <string>

namespace troupe::bench {

class Runner final : private kj::TaskSet::ErrorHandler {
 public:
  /// Borrows `connection`. Takes so many tasks at once.
  Runner(client::Connection& connection, std::string queue, std::size_t capacity);

  kj::Promise<void> start();

  /// Once as many in all have been reported, and the reports answered.
  kj::Promise<void> completed(std::size_t count);

 private:
  void run(const HeldRun& run);
  void on_reported();
  void open_window();
  void taskFailed(kj::Exception&& exception) override;

  client::Connection& connection_;
  const std::string queue_;
  const std::size_t capacity_;

  std::unique_ptr<ClaimStream> stream_;
  std::size_t busy_ = 0;  // claims whose reports are not answered
  std::size_t done_ = 0;
  std::size_t goal_ = 0;
  kj::Own<kj::PromiseFulfiller<void>> reached_;
  bool window_asked_ = false;
  bool window_changed_ = false;  // since it was asked for
  kj::TaskSet tasks_;
};

}  // namespace troupe::bench
