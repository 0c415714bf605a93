// Streams a run's log to the server while it grows, from its file.
//
//   L1  bytes are sent in order from `sent_`; the server skips what it has and refuses gaps;
//   L2  a new capability says where to go on, even if that is further back;
//   L3  the file keeps everything until the run is resolved.
#pragma once

#include "apps/troupe/worker/claim_slot.h"
#include "apps/troupe/worker/task_log.h"

#include <kj/async.h>
#include <kj/timer.h>

#include <cstdint>

namespace troupe::worker {

class LogUpload {
 public:
  static constexpr std::size_t chunk_bytes_max = 256 * 1024;
  /// Lines that appear within this time travel together, so a chatty task costs few calls.
  static constexpr kj::Duration batch_time = 40 * kj::MILLISECONDS;

  /// Borrows all three.
  LogUpload(kj::Timer& timer, TaskLog& log, ClaimSlot& slot);

  /// Streams for ever; rejects only if the server says that the run is not ours.
  kj::Promise<void> run();

  /// When the server has the whole log on disk.
  kj::Promise<void> flush();

 private:
  kj::Promise<void> wait_for_bytes();
  kj::Promise<void> pace();
  kj::Promise<void> send_available();
  kj::Promise<void> send_chunk(schema::Claim::Client& claim);
  kj::Promise<void> recover(kj::Exception&& exception);
  kj::Promise<std::uint64_t> sync();
  void follow_slot();

  kj::Timer& timer_;  // borrowed
  TaskLog& log_;      // borrowed
  ClaimSlot& slot_;   // borrowed

  std::uint64_t sent_ = 0;
  std::uint64_t generation_ = 0;
  kj::TimePoint last_send_;
  bool hurry_ = false;
  kj::Own<kj::PromiseFulfiller<void>> on_bytes_;  // while `run` waits for some
  kj::Own<kj::PromiseFulfiller<void>> on_sent_;   // while `flush` waits for the last
  kj::Own<kj::PromiseFulfiller<void>> on_hurry_;  // while `run` waits for a batch
};

}  // namespace troupe::worker
