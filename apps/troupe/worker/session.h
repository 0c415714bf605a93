// The worker's side of the connection: keeps one open, registers, takes claims and runs them.
//
//   S1  a push uses up one of the slots that the server was told of; the window is sent again when
//       a run has ended. Should a claim come without a free slot all the same, it waits for one;
//   S2  a lost connection touches no run. The next registration lists them all: those that are kept
//       get new capabilities, those that are lost are killed;
//   S3  a worker whose name another process has taken ends; it does not take it back;
//   S4  nothing waits for a server for ever: after `orphan_timeout` without one the worker ends.
#pragma once

#include "apps/troupe/client/client.h"
#include "apps/troupe/worker/task_run.h"
#include "apps/troupe/worker/workshop.h"

#include <kj/async.h>

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace troupe::worker {

class Session final : private kj::TaskSet::ErrorHandler {
 public:
  /// Makes one authenticated connection. Rejects with `unauthenticated` or `forbidden` if the
  /// credentials are refused; anything else is tried again.
  using Dial = std::function<kj::Promise<std::unique_ptr<client::Connection>>()>;

  /// Borrows the workshop.
  Session(Workshop& shop, Dial dial);

  /// Until the worker is to end; the value is its exit status, see `run_worker`. Once only.
  kj::Promise<int> run();

  /// A clean end: no more claims, tasks are shut down and reported, at most `stop_time`.
  void stop();

  static constexpr kj::Duration stop_time = 4500 * kj::MILLISECONDS;

 private:
  class Sink;
  struct Held {
    kj::Own<TaskRun> run;
    bool started = false;
  };

  kj::Promise<void> serve_for_ever();
  kj::Promise<void> serve();
  kj::Promise<void> heartbeat();
  kj::Promise<void> set_window();
  kj::Duration next_pause();
  void on_registered(schema::WorkerService::RegisterResults::Reader answer);
  void on_connection_error(const kj::Exception& exception);
  void disconnect();
  void wait_for_server();
  void on_offer(schema::ClaimOffer::Reader offer);
  void on_revoke(const ClaimId& id);
  void on_displaced(const std::string& why);
  void start_waiting();
  void on_run_ended(const ClaimId& id);
  void end_with(int status);
  kj::Promise<void> idle();
  kj::Promise<void> say_goodbye();
  std::uint32_t free_slots() const;
  std::string reason_to_pause();
  std::string lack_of_disk();
  void renew();
  void taskFailed(kj::Exception&& exception) override;

  Workshop& shop_;  // borrowed
  const Dial dial_;

  std::unique_ptr<client::Connection> connection_;
  kj::Maybe<schema::Registration::Client> registration_;
  kj::Own<kj::PromiseFulfiller<void>> on_renew_;
  kj::Duration pause_;
  kj::TimePoint renew_at_;  // not earlier
  bool ever_registered_ = false;
  std::set<ClaimId> registering_;  // the claims that the registration under way lists

  std::map<ClaimId, Held> runs_;
  kj::Own<kj::PromiseFulfiller<void>> on_idle_;
  bool stopping_ = false;
  bool disk_low_ = false;

  kj::Own<kj::PromiseFulfiller<int>> on_exit_;
  kj::Promise<void> orphan_timer_ = kj::NEVER_DONE;
  kj::Promise<void> renewing_ = kj::NEVER_DONE;
  kj::Promise<void> server_loop_ = kj::NEVER_DONE;
  kj::Promise<void> ending_ = kj::NEVER_DONE;
  kj::TaskSet tasks_;
};

}  // namespace troupe::worker
