// One claimed run, from the offer to the answered outcome.
//
//   header - payload - mounts - commands - trailer - artifacts - caches - log flushed - outcome
//
//   R1  the first thing that goes wrong decides the outcome, and everything after it is still done
//       unless it makes no sense: artifacts and log are sent for failed runs too;
//   R2  nothing here depends on a connection but sending: it goes on while there is none;
//   R3  once the run is somebody else's (conflict, revoked, lost) it is killed and nothing is said.
#pragma once

#include "apps/troupe/worker/artifact_upload.h"
#include "apps/troupe/worker/claim_slot.h"
#include "apps/troupe/worker/command_series.h"
#include "apps/troupe/worker/log_upload.h"
#include "apps/troupe/worker/mounts.h"
#include "apps/troupe/worker/payload.h"
#include "apps/troupe/worker/stop_signal.h"
#include "apps/troupe/worker/task_facts.h"
#include "apps/troupe/worker/task_log.h"
#include "apps/troupe/worker/verdict.h"
#include "apps/troupe/worker/workshop.h"

#include <kj/async.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe::worker {

class TaskRun {
 public:
  /// Borrows the workshop. `renew` asks for new capabilities, see ClaimSlot.
  TaskRun(Workshop& shop, TaskFacts facts, std::function<void()> renew);

  const ClaimId& id() const { return facts_.id; }

  /// A capability for the run, from an offer.
  void attach(schema::Claim::Client claim, Instant taken_until, std::uint64_t log_offset);
  void detach() { slot_.detach(); }

  /// Resolves when the outcome was answered, or the run forgotten, and its folder deleted. Once
  /// only.
  kj::Promise<void> run();

  /// The worker leaves: the processes get SIGTERM, then SIGKILL, and the run ends as
  /// `worker-shutdown`, unless it had ended already.
  void shut_down();

  /// The run is somebody else's: it is killed and nothing is reported.
  void forget(const std::string& why);

 private:
  kj::Promise<void> execute();
  kj::Promise<void> mount();
  kj::Promise<void> run_commands();
  kj::Promise<void> send_artifacts();
  kj::Promise<void> report();
  kj::Promise<void> resolve(int attempt);
  kj::Promise<void> clean_up();
  kj::Promise<void> keep_claim();
  kj::Promise<void> reclaim();
  void write_header();
  void write_trailer();
  bool read_task();
  bool make_folder();
  void warn(std::string_view event, const Error& error) const;
  void take_until(Instant taken_until);
  std::vector<ArtifactItem> without_reserved(std::vector<ArtifactItem> items);

  Workshop& shop_;  // borrowed
  const TaskFacts facts_;
  const Instant started_;

  ClaimSlot slot_;
  StopSignal stop_;    // no more work for this run
  StopSignal forget_;  // and nothing to report
  FirstVerdict verdict_;
  bool executed_ = false;
  bool resolving_ = false;
  kj::TimePoint reclaim_at_;

  std::optional<TaskLog> log_;
  std::optional<LogUpload> log_upload_;
  Payload payload_;
  std::string folder_;
  std::optional<Mounts> mounts_;
  std::optional<CommandSeries> commands_;
  std::optional<ArtifactUpload> artifacts_;
  kj::Promise<void> log_loop_ = kj::NEVER_DONE;
  kj::Promise<void> claim_loop_ = kj::NEVER_DONE;
};

/// How long to wait before reclaiming a claim that ends in `remaining`: until 3 minutes before its
/// end, or half of it if it is shorter than 6 minutes. What has ended by our clock, which may be
/// wrong, is asked for every 10 s. Source: spec/generic-worker.md, section 4.
Duration reclaim_delay(Duration remaining);

}  // namespace troupe::worker
