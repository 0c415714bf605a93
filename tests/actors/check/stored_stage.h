// A real host of all kinds of actors in a folder of its own, to look at what it leaves on disk.
#pragma once

#include "actors/kinds.h"
#include "runtime/actor/check.h"
#include "runtime/actor/host.h"
#include "runtime/clock/clock.h"
#include "tests/actors/support/messages.h"
#include "tests/runtime/store/store_support.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::test {

class StoredStage final : public ReplySink {
 public:
  StoredStage();
  ~StoredStage() override { stop(); }

  /// Sends a command; `ask` waits for its answer too.
  std::uint64_t tell(const ActorId& to, Bytes command);
  Result<Bytes> ask(const ActorId& to, Bytes command);
  /// Waits until what is on disk fulfils `condition`, looking after each batch.
  void wait_until(const std::function<bool(const Snapshot&)>& condition);
  /// A task with its last run in this state, and nothing on its way.
  void wait_for(const std::string& task, State state);
  ClaimOf claim(const std::string& task);

  /// Ends the host, as it stands; then the store can be read and damaged.
  void stop();
  Store& store();
  void damage(const std::vector<RowOp>& rows);
  /// What a check finds now, one line each: `where: what`.
  std::vector<std::string> check(std::map<std::string, std::uint64_t>* counts = nullptr);

  void take(std::vector<Reply> replies) override;

  ManualClock clock;
  StoreState* force_state = nullptr;  // what `damage` writes as the store's state

 private:
  TempFolder folder_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<Store> store_;
  std::uint32_t edge_ = 0;
  std::uint64_t watch_ = 0;
  std::uint64_t calls_ = 0;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::map<std::uint64_t, Result<Bytes>> answers_;
  std::uint64_t batches_ = 0;
};

}  // namespace troupe::test
