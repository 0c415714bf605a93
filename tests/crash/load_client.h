// A client that keeps many commands unanswered: creations, repeats, cancellations, reruns.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "tests/crash/ledger.h"

#include <kj/async.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace troupe::load {

struct ClientOptions {
  std::string name;
  std::string queue;
  std::size_t in_flight = 256;
  std::size_t payload_bytes = 0;  // of filling in each definition
  std::uint64_t seed = 0;
};

class Client final : private kj::TaskSet::ErrorHandler {
 public:
  Client(kj::AsyncIoContext& io, const client::Target& target, Ledger& ledger, ClientOptions own);

  void start();

  /// Sends nothing more; ends when all is answered.
  kj::Promise<void> drain();

 private:
  struct NewTask {
    std::string id;
    std::string group;
    std::string dependency;  // empty: none
    std::string name;
    std::int64_t created = 0;  // ms since 1970
    unsigned priority = 0;
  };

  NewTask make_task();
  void next();
  kj::Promise<void> command();
  kj::Promise<void> create(const NewTask& task, bool again);
  kj::Promise<void> cancel(const std::string& id);
  kj::Promise<void> rerun(const std::string& id);
  template <class Ask>
  kj::Promise<bool> tell(const std::string& kind,
                         const std::string& id,
                         const std::string& rest,
                         Ask ask);
  std::uint64_t any_below(std::uint64_t limit) { return random_() % limit; }
  void taskFailed(kj::Exception&& exception) override;

  Ledger& ledger_;
  const ClientOptions own_;
  std::mt19937_64 random_;
  cli::Reconnector server_;
  std::size_t unanswered_ = 0;
  std::uint64_t made_ = 0;
  std::string group_;
  std::vector<NewTask> known_;  // acknowledged
  bool draining_ = false;
  kj::Own<kj::PromiseFulfiller<void>> drained_;
  kj::TaskSet commands_;
};

}  // namespace troupe::load
