// A worker that runs nothing: it takes claims, renews some, and reports what a script says.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "schema/rpc/worker.capnp.h"
#include "tests/crash/ledger.h"

#include <kj/async.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

namespace troupe::load {

struct WorkerOptions {
  std::string name;
  std::string queue;
  std::uint32_t capacity = 50;
};

class Worker final : private kj::TaskSet::ErrorHandler {
 public:
  Worker(kj::AsyncIoContext& io, const client::Target& target, Ledger& ledger, WorkerOptions own);

  void start();

 private:
  class Sink;
  using Key = std::tuple<std::string, std::uint32_t, std::uint64_t>;  // task, run, token

  enum class Step : std::uint8_t { wait, reclaim, resolve };

  struct Run {
    Step step = Step::wait;
    kj::Maybe<schema::Claim::Client> claim;  // null while there is no connection
    std::uint64_t generation = 0;            // of `claim`
    bool asking = false;
    std::uint64_t number = 0;  // of the command that is not answered; 0: none
  };

  kj::Promise<void> serve();
  kj::Promise<void> register_at(client::Connection& connection);
  void on_registered(schema::WorkerService::RegisterResults::Reader answer);
  void on_offer(schema::ClaimOffer::Reader offer);
  void on_gone(schema::HeldClaim::Reader held);
  void advance(const Key& key);
  kj::Promise<void> ask(const Key& key, Run& run);
  void note_sent(Run& run, const std::string& command);
  kj::Promise<void> ask_reclaim(const Key& key, Run& run);
  kj::Promise<void> ask_resolve(const Key& key, Run& run);
  void on_failure(const Key& key, std::uint64_t generation, const kj::Exception& exception);
  Run* find(const Key& key, std::uint64_t generation);
  void end(const Key& key);
  void open_window();
  void taskFailed(kj::Exception&& exception) override;

  Ledger& ledger_;
  const WorkerOptions own_;
  cli::Reconnector server_;
  std::map<Key, Run> runs_;
  kj::Maybe<schema::Registration::Client> registration_;
  bool window_asked_ = false;
  bool window_changed_ = false;
  std::uint64_t generation_ = 0;  // of the connection
  kj::TaskSet tasks_;
};

}  // namespace troupe::load
