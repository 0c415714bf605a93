// Where a run finds its Claim capability. Connections come and go while the run goes on: calls wait
// for a capability, and are repeated until the server answers them.
//
// Cap'n Proto breaks a whole capability once one of its streaming calls has failed: every later
// call gets the stream's error, whatever it asked. So an error counts only if the stream of the log
// is whole; else the call is repeated on a new capability.
#pragma once

#include "runtime/rpc/errors.h"
#include "schema/rpc/worker.capnp.h"

#include <kj/async.h>
#include <kj/timer.h>

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace troupe::worker {

class ClaimSlot {
 public:
  /// Borrows the timer. `renew` asks for a new capability in place of a broken one.
  ClaimSlot(kj::Timer& timer, std::function<void()> renew);

  /// A capability for the run, and how much of its log the server has.
  void attach(schema::Claim::Client claim, std::uint64_t log_offset);
  /// The connection is lost.
  void detach();

  /// Counts the capabilities: who remembers a number sees that there was a new one.
  std::uint64_t generation() const { return generation_; }
  std::uint64_t log_offset() const { return log_offset_; }

  /// At once if there is a capability.
  kj::Promise<void> attached();
  /// The capability, unless the connection is lost right now.
  kj::Maybe<schema::Claim::Client&> claim() { return claim_; }

  /// Calls `f` with the capability until it is answered: an answer that may change by itself
  /// (connection lost, server busy) is tried again, on the next connection or after a pause.
  /// Rejects with any other error. `f` is copied.
  template <class F>
  std::invoke_result_t<F&, schema::Claim::Client&> call(F f) {
    using Answer = std::invoke_result_t<F&, schema::Claim::Client&>;
    return attached().then([this, f]() mutable -> Answer {
      KJ_IF_MAYBE (claim, claim_) {
        const auto seen = generation_;
        return f(*claim).catch_([this, f, seen](kj::Exception&& e) mutable -> Answer {
          return may_pass(e, seen).then([this, f, e = kj::mv(e)](bool again) mutable -> Answer {
            if (!again) return kj::mv(e);
            return call(kj::mv(f));
          });
        });
      }
      return call(kj::mv(f));  // lost again before we got here
    });
  }

  /// Until there was a newer capability than `generation`, or for `retry_pause` if there is one.
  kj::Promise<void> pause(std::uint64_t generation);

  /// The capability of that generation is broken: a new one is asked for, and calls wait for it.
  void renew(std::uint64_t generation);

  static constexpr kj::Duration retry_pause = 500 * kj::MILLISECONDS;

 private:
  kj::Promise<void> next_attach();
  // Whether a call that failed so may succeed later; resolves when it is time to try.
  kj::Promise<bool> may_pass(const kj::Exception& exception, std::uint64_t generation);
  kj::Promise<bool> is_broken(std::uint64_t generation);

  kj::Timer& timer_;  // borrowed
  const std::function<void()> renew_;
  kj::Maybe<schema::Claim::Client> claim_;
  std::uint64_t generation_ = 0;
  std::uint64_t log_offset_ = 0;
  kj::Own<kj::PromiseFulfiller<void>> on_attach_;
  kj::ForkedPromise<void> attach_promise_;
};

/// Whether an answer means that the run is no longer this claim's.
bool means_lost(Errc code);

}  // namespace troupe::worker
